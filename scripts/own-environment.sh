# shellcheck shell=bash
# Sourced by what builds or tries a release: what is set for other work of the user must have no
# say in it. How the network is reached stays: proxies, certificates, the index.
for _name in $(compgen -e); do
    case $_name in
    PIP_CERT | PIP_CLIENT_CERT | PIP_DEFAULT_TIMEOUT | PIP_INDEX_URL | PIP_PROXY) ;;
    PIP_* | PYTHON?* | VIRTUAL_ENV | CONDA_* | MATURIN_* | PYO3_* | SOURCE_DATE_EPOCH) unset "$_name" ;;
    # A wheel for the processor of this machine alone, say.
    RUSTFLAGS | *_RUSTFLAGS | CARGO_BUILD_* | CC | CXX | CFLAGS | LDFLAGS) unset "$_name" ;;
    # But for those of scripts/test.
    CARGO_PROFILE_*) [[ ${PATHVEIN_QUICK_BUILD-} ]] || unset "$_name" ;;
    esac
done
unset _name
export PIP_DISABLE_PIP_VERSION_CHECK=1
