# For `pre_build_script` of GitLab Runner's shell executor, which reads it in the job's own shell, in front of
# before_script and script: that shell becomes a job of weir's. after_script runs in another shell: see README.md.
# shellcheck shell=sh
/usr/local/bin/weir job begin --quiet --socket /run/weir/host.sock --pid "$$" --name "gitlab ${CI_PROJECT_PATH:-} #${CI_JOB_ID:-}" || {
  echo "weir: this job is not protected, so it does not run: weir job begin failed (its reason is above). On the runner's host: systemctl status weir; weir doctor" >&2
  exit 1
}
