# shellcheck shell=bash
# Sourced by other scripts, for what is not the same on all systems.
#
# They are written for bash 3.2 and the tools that macOS has, and run in Git Bash on Windows, with
# what Python, cargo, npm and Go bring there.

# Where an environment of Python has its programs.
# shellcheck disable=SC2034
case $(uname -s) in
MINGW* | MSYS* | CYGWIN*) bin=Scripts ;;
*) bin=bin ;;
esac

# In CI, what a test needs and is missing is a failure: on Linux on x86-64, where all of it can be
# had. Elsewhere it is said, and left out.
[[ $(uname -sm) == 'Linux x86_64' ]] || unset CI

# free_threaded PYTHON: it is a CPython without a GIL.
free_threaded() {
    [[ $("$1" -c 'import sysconfig; print(sysconfig.get_config_var("Py_GIL_DISABLED"))') == 1* ]]
}

# in_background COMMAND...: begins it; its number is $!.
in_background() {
    # As a job it has a process group, by which all that it starts can be ended.
    set -m
    "$@" </dev/null &
    set +m
    background+=($!)
}

# end_background: ends what was begun so and is still under way.
background=()
end_background() {
    local job
    for job in ${background[@]+"${background[@]}"}; do
        kill -- "-$job" 2>/dev/null || true
    done
}

# as_root COMMAND...: as root, or where a machine of GitHub's becomes root without being asked.
as_root() {
    if [[ ${GITHUB_ACTIONS:-} == true ]] && type -P sudo >/dev/null; then
        sudo "$@"
    else
        "$@"
    fi
}
