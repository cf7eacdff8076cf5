#!/bin/sh
# Ends the job at weir and adds what it contacted to the job's summary: ACTIONS_RUNNER_HOOK_JOB_COMPLETED. It
# fails, and so shows in the job, where the job was not under weir to its end.
set -eu

# Fixed here, not taken from the environment, whoever may come to set that.
WEIR=/usr/local/bin/weir
SOCKET=/run/weir/host.sock
PATH=/usr/sbin:/usr/bin:/sbin:/bin

# The caller is inside of the job. Where GITHUB_STEP_SUMMARY is set, weir appends the run's Markdown to that file.
"$WEIR" job end --socket "$SOCKET" || {
  printf '::error title=weir::%s\n' "weir does not know this job any more, so its summary is missing: weir was stopped or replaced while it ran. On the runner's host: journalctl -u weir"
  exit 1
}
