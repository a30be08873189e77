"""The keys of an environment on Kubernetes."""

from headway.spec.kinds import FOLDER, TEXT, matching
from headway.spec.records import Key, Record
from headway.spec.shapes import ListOf

NAMESPACE = matching(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", 'the name of a namespace: small letters, digits and "-"')
URL = matching(r"https?://[^\s]+", "a URL such as https://shop.example")

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
        Key("context", TEXT, "The context of the kubeconfig.", otherwise="its current one, or the cluster that Headway runs in"),
        Key(
            "stats",
            ListOf(URL, "the URL of an Envoy's stats, or a list of them", 1),
            "Where every Envoy of the gateway tells its statistics, such as http://10.0.0.7:8002; the judge works on these.",
            otherwise="nothing is measured: say analysis: health",
        ),
        Key("url", URL, "Where users, and checks, reach the service.", otherwise="its Service's own address"),
    ),
)
