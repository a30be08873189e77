"""As whom Headway asks a cluster: the context that an environment names, or else the pod's service account, or else the kubeconfig's own.

A context is a word of a kubeconfig, so whoever names one means that file, in a pod as anywhere else. The library's own order is another: in
a pod it knows the service account only, and no context but that.
"""

import os
from pathlib import Path

import msgspec
from lightkube import KubeConfig, SingleConfig
from lightkube.config.kubeconfig import DEFAULT_KUBECONFIG, SERVICE_ACCOUNT
from lightkube.core.exceptions import ConfigError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from headway.errors import Unavailable

IN_A_POD = "KUBERNETES_SERVICE_HOST"
OR_HERE = "or leave `context:` out where it is the cluster that Headway runs in"


def chosen(context: str, account: Path = Path(SERVICE_ACCOUNT)) -> SingleConfig:
    """Where the cluster is and who asks it; Unavailable, with what to do, where that cannot be told."""
    if not context and os.environ.get(IN_A_POD) and (account / "token").is_file():
        return _found(KubeConfig.from_service_account(account), "", "the pod's service account")
    files = [Path(one).expanduser() for one in os.environ.get("KUBECONFIG", "").split(os.pathsep) if one] or [
        Path(DEFAULT_KUBECONFIG).expanduser()
    ]
    there = [one for one in files if one.is_file()]
    if not there:
        raise Unavailable(_nowhere(context, " nor at ".join(map(str, files))))
    read = [(one, _read(one)) for one in there]
    for file, config in read:  # as kubectl does: of several, the first that says it
        if context in config.contexts or (not context and config.current_context):
            return _found(config, context, f"the kubeconfig {file}")
    named = ", ".join(sorted({name for _, config in read for name in config.contexts})) or "none"
    where = " and ".join(str(one) for one in there)
    if not context:
        raise Unavailable(f"the kubeconfig {where} has no current context; name one as `context:` of the environment, it has {named}")
    raise Unavailable(f"the kubeconfig {where} has no context {context}; it has {named}")


def _nowhere(context: str, where: str) -> str:
    if context:
        what = f"an environment names the context {context}, and there is no kubeconfig at {where}"
        return f"{what}; have KUBECONFIG name one that has it (in a pod, one that is mounted from a Secret), {OR_HERE}"
    return f"there is no kubeconfig at {where}, and this is no pod with a service account; have KUBECONFIG name one"


def _read(file: Path) -> KubeConfig:
    try:
        return KubeConfig.from_dict(YAML(typ="safe").load(file.read_text()), fname=file)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, YAMLError, msgspec.MsgspecError) as error:
        raise Unavailable(f"the kubeconfig {file} does not read as one: {error or type(error).__name__}") from error


def _found(config: KubeConfig, context: str, where: str) -> SingleConfig:
    try:
        found = config.get(context or None)
    except (KeyError, ConfigError) as error:
        raise Unavailable(f"{where} names for the context {context or config.current_context} what it has not: {error}") from error
    if found is None or found.user is None:
        raise Unavailable(f"{where} names no user for the context {context or config.current_context}")
    return found
