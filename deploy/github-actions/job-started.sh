#!/bin/sh
# Makes the job that a GitHub Actions runner is about to run a job of weir's, with all its steps:
# ACTIONS_RUNNER_HOOK_JOB_STARTED. Where protection can't start, it fails, and the runner then runs no step.
set -eu

# Fixed here, not taken from the environment, whoever may come to set that.
WEIR=/usr/local/bin/weir
SOCKET=/run/weir/host.sock
PATH=/usr/sbin:/usr/bin:/sbin:/bin

fail() {
  printf '::error title=weir::%s\n' "$1"
  exit 1
}

# The runner has a process for each job, Runner.Worker, and starts hooks and steps from it.
worker=$$
while [ "$worker" -gt 1 ] && [ "$(cat "/proc/$worker/comm")" != Runner.Worker ]; do
  worker=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$worker/status")
done
[ "$worker" -gt 1 ] ||
  fail "this is not a job of a GitHub Actions runner (no Runner.Worker above this hook). Set ACTIONS_RUNNER_HOOK_JOB_STARTED in the runner's .env only."

name=$(printf '%s %s #%s' "${GITHUB_REPOSITORY:-}" "${GITHUB_JOB:-}" "${GITHUB_RUN_ID:-}" | tr -d '[:cntrl:]' | cut -b 1-128)
set -- job begin --socket "$SOCKET" --pid "$worker" --name "$name"
# Later steps then trust weir where it has to look into TLS.
if [ -n "${GITHUB_ENV:-}" ]; then
  set -- "$@" --env-file "$GITHUB_ENV"
fi
"$WEIR" "$@" ||
  fail "this job is not protected, so it does not run: $WEIR job begin failed (its reason is above). On the runner's host: systemctl status weir; weir doctor"
