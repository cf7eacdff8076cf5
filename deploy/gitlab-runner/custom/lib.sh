# What the stages of the custom executor share; sourced by them.
# shellcheck shell=sh disable=SC2034

# Fixed here, not taken from the environment: a pipeline sets variables (they arrive as CUSTOM_ENV_…).
WEIR=/usr/local/bin/weir
SOCKET=/run/weir/host.sock
# Where a job's state is between its stages: root's alone.
STATE=/run/weir-gitlab
# Whose processes the jobs are, and where they build.
JOB_USER=gitlab-runner
BUILDS=/var/lib/weir-gitlab/builds
CACHE=/var/lib/weir-gitlab/cache
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

# The number of the job, which is a file's name here.
job=${CUSTOM_ENV_CI_JOB_ID:-}
case $job in
'' | *[!0-9]*) job=invalid ;;
esac
here=$STATE/$job

# Ours to mend, not the job's: GitLab tells it apart and may try again elsewhere.
fail() {
  echo "weir: $1" >&2
  exit "${SYSTEM_FAILURE_EXIT_CODE:-2}"
}
