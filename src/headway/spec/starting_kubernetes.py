"""A first headway.yaml for a service on Kubernetes, with its manifests where it has none."""

import re
from dataclasses import dataclass

from headway.errors import InvalidSpec
from headway.spec.recognised import Files, Way, demanded, health, ready, service_name
from headway.spec.recognised_commands import image
from headway.spec.recognised_kubernetes import ORDER, Overlay, Taken, chart, taken
from headway.spec.starting import Start, command, head, smoke, way_of
from headway.spec.starting_manifests import FOLDER, SIZES, Pods, host, manifests

GATEWAY = "gateways/shared"
PORT = 8080


@dataclass(frozen=True, slots=True)
class Clustered:
    """The environments as text, and the files that go with them."""

    text: tuple[str, ...]
    files: dict[str, str]
    environments: tuple[str, ...]
    because: tuple[str, ...]
    guesses: tuple[str, ...]
    namespaces: tuple[str, ...]
    image: str


def start_on_kubernetes(files: Files, folder: str, branch: str | None, gateway: str = GATEWAY) -> Start:
    """The file for these files, with the manifests that they lack. `branch` is git's default branch, None without git."""
    way = way_of(files)
    name = service_name(way.name if way else None, folder)
    found, answers, built = health(files), ready(files), image(files)
    path = found[0] if found else "/"
    pods = Pods(
        name,
        f"registry.example/{name}",
        int(built.port) if built and built.port else PORT,
        path,
        answers[0] if answers else path,
        tuple(demanded(files)) if way is not None and way.kind == "Python" else (),
        gateway,
    )
    made = clustered(files, pods, port_known=bool(built and built.port))
    guesses = list(made.guesses)
    because = (*made.because, *((f"health at {path}, in {found[1]}",) if found else ()))
    if found is None:
        guesses.append("no health path was found in the code: `health: /` must answer 200; better give it a /health of its own")
    if made.files:
        because = (*because, *((f"port {pods.port}, in {built.path}",) if built and built.port else ()))
        guesses += [
            f"{one} is demanded by {file}: it is taken from the Secret {name}-secrets, which has to be in each namespace"
            for one, file in demanded(files).items()
            if one in pods.secrets
        ]
    if branch is None:
        guesses.append("this is no git repository: Headway ships commits, so there must be one")
    service = _service(name, way, path, pods.ready)
    settings = (
        "config:                              # variables of every environment; each environment may say otherwise",
        "  TZ: UTC",
        "",
    )
    return Start(
        "\n".join((*head(name), *service, *settings, *made.text)),
        because,
        tuple(guesses),
        _next(made, branch),
        made.environments,
        made.files,
    )


def _service(name: str, way: Way | None, path: str, ready: str) -> tuple[str, ...]:
    smoked = smoke(way or Way("service", "", ()), path)
    local = (
        (
            "    local:                           # `headway dev` alone: on this machine, from the working tree, no cluster",
            f"      run: {command(way.local_run or way.run)}",
            "      port: 8000",
        )
        if way is not None
        else ()
    )
    return (
        "services:",
        f"  {name}:",
        "    # CI builds and pushes its image; Headway is told the digest: headway release cut HEAD --image REPOSITORY@sha256:...",
        f"    health: {path}",
        *((f"    ready: {ready}",) if ready != path else ()),
        "    ready_within: 2m                 # all of it: a node, the image, the start",
        "    checks:",
        f"      smoke: {smoked}",
        *local,
        "",
    )


def _next(made: Clustered, branch: str | None) -> tuple[str, ...]:
    git = () if branch else ("git init --initial-branch=main",)
    also = f" {FOLDER}" if made.files else ""
    protected = "" if branch in {None, "main"} else f" --branch {branch}"
    namespaces = tuple(f"kubectl create namespace {one}" for one in made.namespaces)
    commands = (f"git add headway.*{also} && git commit", f"headway repo add .{protected}", "headway serve")
    return ("headway validate", *git, *namespaces, *commands, f"headway release cut HEAD --image {made.image}@sha256:...")


def clustered(files: Files, pods: Pods, port_known: bool) -> Clustered:
    """Point to the manifests that are there; write a base and overlays where there are none."""
    found = taken(files)
    if found is None and (where := chart(files)) is not None:
        says = f"there is a Helm chart in {where}, and Headway takes what Helm renders: `helm template {pods.name} {where} --namespace"
        raise InvalidSpec(f"{says} {pods.name}-production > {FOLDER}/production.yaml`, one file for each environment, and then again")
    return _written(pods, port_known) if found is None else _pointed(files, found, pods)


def _written(pods: Pods, port_known: bool) -> Clustered:
    overlays = tuple(Overlay(name, f"{FOLDER}/overlays/{name}", f"{pods.name}-{name}") for name in SIZES)
    guesses: tuple[str, ...] = (
        f"its images are pushed to {pods.image}: write where CI pushes them into {FOLDER}/base/deployment.yaml",
        f"users reach it at {host(pods.name, 'production')} and the like: write your own hosts into the httproute.yaml of each overlay and "
        "into headway.yaml",
        f"its Gateway is {pods.gateway} (--gateway NAMESPACE/NAME): where there is no Gateway API, leave the routes out",
        "its image runs as user 10001 and writes nowhere but to /tmp: if it cannot, change the securityContext",
    )
    if not port_known:
        guesses = (f"it listens on 0.0.0.0:{pods.port}, also told as $PORT: no Dockerfile says so", *guesses)
    return Clustered(
        _environments(overlays, pods.name, routed=True, hosts=True, scaled=True),
        dict(manifests(pods)),
        tuple(SIZES),
        (),
        guesses,
        tuple(one.namespace or "" for one in overlays),
        pods.image,
    )


def _pointed(files: Files, found: Taken, pods: Pods) -> Clustered:
    overlays = tuple(_placed(one, found.overlays, pods.name) for one in found.overlays)
    guesses = tuple(
        f"{one.path} names no namespace: {one.namespace} is ours"
        for one, was in zip(overlays, found.overlays, strict=True)
        if not was.namespace
    )
    image = next((one for text in files.values() if (one := _image(text, pods.name))), pods.image)
    return Clustered(
        _environments(overlays, pods.name, routed=found.routed, hosts=False, scaled=_scaled(files)),
        {},
        tuple(one.environment for one in overlays),
        found.because,
        (*found.guesses, *guesses),
        tuple(one.namespace or "" for one in overlays),
        image,
    )


def _placed(one: Overlay, all_of_them: tuple[Overlay, ...], name: str) -> Overlay:
    namespace = one.namespace or (name if len(all_of_them) == 1 else f"{name}-{one.environment}")
    return Overlay(one.environment, one.path, namespace)


def _scaled(files: Files) -> bool:
    """An autoscaler has the number of replicas: there is none to write."""
    return any(re.search(r"^kind:\s*HorizontalPodAutoscaler", text, re.MULTILINE) for text in files.values())


def _image(text: str, name: str) -> str | None:
    found = re.search(rf"^\s*(?:- )?image:\s*[\"']?([^\s\"'@]*\b{re.escape(name)})(?=[:@\s\"']|$)", text, re.MULTILINE)
    return found[1] if found else None


# -- the environments of headway.yaml

HEAD = """\
environments:                        # in order; CI cuts a release with its image and promotes it into the first ones
"""
ONE = """\
  # {purpose}
  {name}:
    platform: kubernetes
    kubernetes:
      manifests: {path}
      namespace: {namespace}
      # context: of the kubeconfig, if it is not the present one
      {url}
{size}{after}\
    config: {{LOG_LEVEL: {level}}}
{strategy}\
"""
STEADY = """\
    strategy: rolling
    analysis: health                 # nobody to measure by: replicas and checks decide
{checks}\
    soak: {soak}
"""
CAREFUL = """\
    approvals: 1                     # a yes of somebody who neither wrote nor asked for it: headway approve {name}
{canary}\
    # Judged by replicas and checks until kubernetes: stats: names the gateway's Envoys, such as [http://10.0.0.7:8002]; then write
    # analysis: {{error_rate: 1%, times_baseline: 2}}
    analysis: health
{checks}\
    soak: 15m                        # good for so long with its traffic, then it is completed
    keep_warm: 15m                   # and for so long the way back is instant
"""
CANARY = "    strategy: {canary: [10, 50, 100]}\n"
ROLLING = "    strategy: rolling                # with an HTTPRoute in the manifests: {canary: [10, 50, 100]}\n"
PURPOSES = {"dev": "Feature tests; may be unstable.", "staging": "A mirror of production, with test data.", "production": "Live users."}
LEVELS = {"dev": "debug", "production": "warning"}


def _environments(overlays: tuple[Overlay, ...], name: str, *, routed: bool, hosts: bool, scaled: bool) -> tuple[str, ...]:
    names = [one.environment for one in overlays]
    return (HEAD, *(_environment(one, name, names, routed=routed, hosts=hosts, scaled=scaled) for one in overlays))


def _environment(one: Overlay, name: str, names: list[str], *, routed: bool, hosts: bool, scaled: bool) -> str:
    production = one.environment == "production"
    checks = "    checks: [smoke]\n" if hosts else "    # checks: [smoke]              # once url says where they reach it\n"
    strategy = (
        CAREFUL.format(name=one.environment, canary=CANARY if routed else ROLLING, checks=checks)
        if production
        else STEADY.format(checks=checks, soak="1m" if one.environment == "dev" else "5m")
    )
    before = [other for other in names if ORDER.get(other, 1) < ORDER["production"] and other != "dev"]
    return ONE.format(
        purpose=PURPOSES.get(one.environment, "Between the others."),
        name=one.environment,
        path=one.path,
        namespace=one.namespace,
        url=f"url: http://{host(name, one.environment)}" if hosts else "# url: where users, and checks, reach it",
        size="" if scaled else f"    replicas: {SIZES[one.environment][0] if one.environment in SIZES else 2}\n",
        after=f"    after: {before[-1]}\n" if production and before else "",
        level=LEVELS.get(one.environment, "info"),
        strategy=strategy,
    )
