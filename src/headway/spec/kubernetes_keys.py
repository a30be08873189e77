"""The keys of an environment on Kubernetes."""

from headway.environments.selectors import LABEL, check
from headway.spec.kinds import FOLDER, SECRET, TEXT, TIME, matching, one_of, text_of
from headway.spec.nodes import Node
from headway.spec.records import Key, Record
from headway.spec.shapes import ListOf, Value

NAMESPACE = matching(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", 'the name of a namespace: small letters, digits and "-"')
REPOSITORY = matching(
    r"(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+|[a-z0-9.-]+:[0-9]+)(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+",
    "a repository with its registry, such as registry.prod.example/shop, without a tag",
)
URL = matching(r"https?://[^\s]+", "a URL such as https://shop.example")


def _selector(node: Node) -> str:
    selector = text_of(node)
    check(selector)
    return selector


SELECTOR = Value(
    'a selector of a counter, such as http_requests_total{code=~"5.."}, alone',
    _selector,
    {"type": "string", "pattern": r"^\s*[a-zA-Z_:][a-zA-Z0-9_:]*\s*(\{.*\})?\s*$"},
)
WITHOUT_NAMES = matching(r"https?://[^\s@]+", "a URL such as http://prometheus.monitoring:9090, without a name or password", quiet=True)

QUERIES = Record(
    "a mapping of what to count to selectors",
    (
        Key("requests", SELECTOR, "All requests that were answered.", otherwise="as `counts` says"),
        Key("failures", SELECTOR, "Those of them that failed.", otherwise="as `counts` says"),
        Key(
            "latency",
            SELECTOR,
            "The buckets of a histogram. In seconds if its name says seconds, else in milliseconds.",
            otherwise="as `counts` says",
        ),
    ),
)

PROMETHEUS = Record(
    "the URL of a Prometheus, or a mapping with url",
    (
        Key("url", WITHOUT_NAMES, "Where it answers `/api/v1/query`.", required=True),
        Key(
            "counts",
            one_of("gateway", "pods"),
            "Who counts: the gateway's Envoys, by the names of `gateway`; or the releases' pods, as `http_requests_total` and the like.",
            "gateway",
        ),
        Key("scraped_every", TIME, "Its scrape interval. What is older than two of them and 3 s counts as unknown.", "15s"),
        Key("queries", QUERIES, "What is counted, where `counts` does not say it rightly. `$namespace` is the environment's.", "{}"),
        Key(
            "by",
            matching(LABEL, "the name of a label"),
            "The label that tells the release: its pod, its Service, or its `headway/workload`.",
            otherwise="as `counts` says; `pod` with pods",
        ),
        Key("token", SECRET, "A bearer token for it.", otherwise="none is sent"),
        Key("ca", SECRET, "Certificates in PEM that it is trusted by.", otherwise="those that the machine trusts"),
    ),
    short="url",
)

KUBERNETES = Record(
    "a mapping that says where on Kubernetes",
    (
        Key(
            "manifests",
            FOLDER,
            "A kustomization, a folder of YAML, or a YAML file, in the release's own commit: one Deployment, its Service, its HTTPRoute.",
            required=True,
        ),
        Key("namespace", NAMESPACE, "The namespace; it has to exist.", required=True),
        Key(
            "context",
            TEXT,
            "The context of the kubeconfig.",
            otherwise="in a pod, the service account's own cluster; elsewhere the current one",
        ),
        Key(
            "stats",
            ListOf(URL, "the URL of an Envoy's stats, or a list of them", 1),
            "Where every Envoy of the gateway tells its statistics, such as http://10.0.0.7:8002; the judge works on these.",
            otherwise="nothing is measured, unless by prometheus: say analysis: health",
        ),
        Key("gateway", one_of("contour", "envoy-gateway", "istio"), "Whose names the statistics have.", "contour"),
        Key(
            "prometheus",
            PROMETHEUS,
            "Where releases are counted, for the judge; `stats` beside it still tell what the gateway knows of pods.",
            otherwise="`stats`",
        ),
        Key(
            "architecture",
            ListOf(matching(r"[a-z0-9]+", "an architecture such as amd64"), "an architecture such as amd64, or a list of them", 1),
            "The architectures of its nodes; an image that is not made for all of these is refused.",
            otherwise="what the pods' nodeSelector asks for, or what the nodes say, where Headway may read them",
        ),
        Key(
            "registry",
            one_of("ask", "skip"),
            "Whether the image's registry is asked before a rollout: is the digest there, what is it for, has its tag moved.",
            "ask",
        ),
        Key(
            "copy_to",
            REPOSITORY,
            "The repository that its nodes pull from, where it has its own: an image is copied there, by its digest, before a rollout.",
            otherwise="images stay where CI pushed them",
        ),
        Key("url", URL, "Where users, and checks, reach the service.", otherwise="its Service's own address"),
    ),
)
