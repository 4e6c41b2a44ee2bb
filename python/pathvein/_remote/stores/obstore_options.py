"""The options and credentials of a file system of fsspec, for obstore.

An option without an equivalent in obstore raises `Unfit` with the reason: without it, obstore might
list with other permissions, or another bucket.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from obstore.store import AzureStore, GCSStore, S3Store

from pathvein._remote.errors import Unfit

if TYPE_CHECKING:
    from pathvein._remote.stores.base import ObjectStore

#: Seconds until obstore gets the credentials anew.
_CREDENTIALS_LAST = 300.0

#: A store of obstore, and its credentials.
_Opened = tuple[Any, "Credentials | None"]


def _refuse_others(kind: str, options: Mapping[str, Any], known: set[str]) -> None:
    others = sorted(name for name, value in options.items() if name not in known and value)
    if others:
        raise Unfit(f"{kind} {', '.join(others)} cannot be taken over")


def _connection(endpoint: str | None) -> dict[str, Any]:
    options: dict[str, Any] = {"retry_config": {"max_retries": 0}, "skip_signature": False}
    if endpoint and endpoint.startswith("http://"):
        options["client_options"] = {"allow_http": True}
    return options


class Credentials:
    """A credential provider for obstore, which keeps the exception if it fails.

    It is used for fixed credentials, too: obstore reads missing options from the environment, and
    might sign with one user's key and another user's token.
    """

    def __init__(self, get: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        self._get = get
        self.failure: Exception | None = None

    async def __call__(self) -> dict[str, Any]:
        expires = datetime.now(UTC) + timedelta(seconds=_CREDENTIALS_LAST)
        try:
            return {**await self._get(), "expires_at": expires}
        except Exception as error:
            self.failure = error
            raise


def _fixed(**credentials: Any) -> Any:
    async def get() -> dict[str, Any]:
        return credentials

    return Credentials(get)


def _open_s3(fs: Any, bucket: str) -> _Opened:
    from aiobotocore.session import AioSession  # type: ignore[import-untyped]

    from pathvein._remote.stores.s3 import USER_AGENT

    if bucket.startswith("arn:"):
        raise Unfit("access points cannot be addressed")
    client = dict(fs.client_kwargs)
    config = dict(fs.config_kwargs)
    if config.get("user_agent") == USER_AGENT:
        # Of the clone's own.
        del config["user_agent"]
    for name in ("max_pool_connections", "retries", "connect_timeout", "read_timeout"):
        config.pop(name, None)
    addressing = (config.pop("s3", None) or {}).copy()
    style = addressing.pop("addressing_style", None)
    if config.get("signature_version") in ("s3v4", "v4"):
        del config["signature_version"]
    _refuse_others("the options s3", addressing, set())
    _refuse_others("the options in config_kwargs:", config, {"region_name"})
    if client.pop("verify", None) not in (None, True):
        raise Unfit("the option verify in client_kwargs cannot be taken over")
    names = {"aws_access_key_id", "aws_secret_access_key", "aws_session_token"}
    names |= {"region_name", "endpoint_url", "use_ssl"}
    _refuse_others("the options in client_kwargs:", client, names)
    _refuse_others("the options", fs.kwargs, {"profile"})
    _refuse_others("the options in s3_additional_kwargs:", fs.s3_additional_kwargs, set())
    session = fs.session or AioSession(**fs.kwargs)
    endpoint = fs.endpoint_url or client.get("endpoint_url") or _configured_endpoint(session)
    settings = session.get_config_variable("s3") or {}
    if not endpoint:
        # These settings change the endpoint.
        for name in ("use_accelerate_endpoint", "use_dualstack_endpoint"):
            if settings.get(name) or session.get_config_variable(name):
                raise Unfit(f"{name} cannot be taken over")
        if session.get_config_variable("use_fips_endpoint"):
            raise Unfit("use_fips_endpoint cannot be taken over")
    if not (endpoint or "").startswith("http://") and session.get_config_variable("ca_bundle"):
        raise Unfit("ca_bundle cannot be taken over")
    region = client.get("region_name") or config.get("region_name")
    region = region or session.get_config_variable("region")
    if region is None and endpoint is None:
        raise Unfit("the bucket's region is not known")
    options: dict[str, Any] = {**_connection(endpoint), "region": region or "us-east-1"}
    if endpoint:
        options["endpoint"] = endpoint
    elif not client.get("use_ssl", fs.use_ssl):
        raise Unfit("use_ssl=False cannot be taken over")
    style = style or settings.get("addressing_style")
    options["virtual_hosted_style_request"] = style == "virtual"
    options["request_payer"] = "RequestPayer" in fs.req_kw
    credentials = None
    key = fs.key or client.get("aws_access_key_id")
    if fs.anon:
        options["skip_signature"] = True
    elif key:
        secret = fs.secret or client.get("aws_secret_access_key")
        if not secret:
            raise Unfit("there is a key, and no secret")
        token = fs.token or client.get("aws_session_token") or None
        credentials = _fixed(access_key_id=key, secret_access_key=secret, token=token)
    else:
        credentials = _aws_credentials(session)
    return S3Store(bucket, credential_provider=credentials, **options), credentials


def _configured_endpoint(session: Any) -> str | None:
    """The endpoint that botocore reads from the environment or the configuration."""
    named = [name for name in os.environ if name.startswith("AWS_ENDPOINT")]
    endpoint = None
    if not session.get_config_variable("ignore_configured_endpoint_urls"):
        scoped = session.get_scoped_config()
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if not endpoint and "services" in scoped:
            raise Unfit("the endpoints of services in the configuration cannot be taken over")
        endpoint = endpoint or scoped.get("endpoint_url")
    if not endpoint and named:
        raise Unfit(f"it would go by {', '.join(named)}, and its own file system does not")
    return endpoint


def _aws_credentials(session: Any) -> Any:
    """The credentials that botocore finds for the session."""
    from botocore.exceptions import NoCredentialsError

    async def get() -> dict[str, Any]:
        credentials = await session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        now = await credentials.get_frozen_credentials()
        return {
            "access_key_id": now.access_key,
            "secret_access_key": now.secret_key,
            "token": now.token,
        }

    return Credentials(get)


def _open_gcs(fs: Any, bucket: str) -> _Opened:
    if fs.requester_pays:
        raise Unfit("requester_pays cannot be taken over")
    _refuse_others("the options in session_kwargs:", fs.session_kwargs, set())
    if getattr(fs, "_use_client_cert", False):
        raise Unfit("a client's certificate cannot be taken over")
    endpoint = fs.base.partition("/storage/v1")[0]
    options: dict[str, Any] = {**_connection(endpoint), "base_url": endpoint}
    google = fs.credentials.credentials
    if google is None:
        # This is gcsfs's state for anonymous access.
        options["skip_signature"] = True
        return GCSStore(bucket, **options), None
    if getattr(google, "quota_project_id", None):
        raise Unfit("the project that the credentials bill cannot be taken over")

    async def get() -> dict[str, Any]:
        fs.credentials.maybe_refresh()
        return {"token": google.token}

    credentials: Any = Credentials(get)
    return GCSStore(bucket, credential_provider=credentials, **options), credentials


def _open_azure(fs: Any, container: str) -> _Opened:
    # It has all options, also those from the environment.
    client = fs.service_client
    if client.location_mode != "primary":
        raise Unfit("the location mode cannot be taken over")
    endpoint, _, signature = client.primary_endpoint.partition("?")
    account = client.account_name or fs.account_name
    if not account:
        raise Unfit("the account's name is not known")
    options: dict[str, Any] = _connection(endpoint)
    options |= {"endpoint": endpoint.rstrip("/"), "account_name": account}
    options |= {"use_emulator": False, "use_fabric_endpoint": False}
    credential = client.credential
    credentials = None
    if getattr(credential, "account_key", None):
        credentials = _fixed(access_key=credential.account_key)
    elif credential is not None:
        raise Unfit(f"a {type(credential).__name__} cannot be taken over")
    elif signature:
        credentials = _fixed(sas_token=signature)
    else:
        options["skip_signature"] = True
    return AzureStore(container, credential_provider=credentials, **options), credentials


#: By the name of the adapter's class: its package need not be installed.
_OPENERS = {"S3Store": _open_s3, "GcsStore": _open_gcs, "AzureStore": _open_azure}


def open_store(adapter: ObjectStore, bucket: str) -> _Opened:
    """A store of obstore with the options of the adapter's file system."""
    open_one = _OPENERS.get(type(adapter).__name__)
    if open_one is None:
        raise Unfit("it lists only S3, Google Cloud and Azure")
    return open_one(adapter.fs, bucket)
