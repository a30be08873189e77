"""A small base for Kubernetes and an overlay for each environment, as text with comments."""

from collections.abc import Mapping
from dataclasses import dataclass

FOLDER = "kubernetes"

SIZES = {"dev": (1, 2, "50m", "128Mi"), "staging": (2, 3, "100m", "256Mi"), "production": (5, 10, "250m", "256Mi")}
"""Replicas at least and at most, processor and memory, which is asked for and limited alike: nobody is ended for a neighbour's sake."""


@dataclass(frozen=True, slots=True)
class Pods:
    """What the manifests must know of a service."""

    name: str
    image: str
    port: int
    health: str
    ready: str
    secrets: tuple[str, ...] = ()
    gateway: str = "gateways/shared"
    """NAMESPACE/NAME of the Gateway that routes are for."""


def manifests(pods: Pods) -> Mapping[str, str]:
    """The files, by path."""
    words = {"name": pods.name, "image": pods.image, "port": pods.port, "health": pods.health, "ready": pods.ready}
    files = {f"base/{path}": text.format(**words) for path, text in BASE.items()}
    namespace, _, gateway = pods.gateway.rpartition("/")
    for environment, (least, most, processor, memory) in SIZES.items():
        own = {
            **words,
            "environment": environment,
            "least": least,
            "most": most,
            "processor": processor,
            "memory": memory,
            "secrets": _secrets(pods),
            "gateway": f"{{namespace: {namespace}, name: {gateway}}}" if namespace else f"{{name: {gateway}}}",
            "host": host(pods.name, environment),
        }
        files |= {f"overlays/{environment}/{path}": text.format(**own) for path, text in OVERLAY.items()}
    return {f"{FOLDER}/{path}": text for path, text in files.items()}


def host(name: str, environment: str) -> str:
    """Where users reach it: a guess, that somebody has to mend."""
    return f"{name}.example" if environment == "production" else f"{environment}.{name}.example"


def _secrets(pods: Pods) -> str:
    secret = f"{pods.name}-secrets"
    if not pods.secrets:
        return (
            "          # Secrets are in the cluster, by reference; nothing of them is in this repository:\n"
            f"          # env: [{{name: DATABASE_URL, valueFrom: {{secretKeyRef: {{name: {secret}, key: DATABASE_URL}}}}}}]\n"
        )
    rows = "".join(f"            - {{name: {one}, valueFrom: {{secretKeyRef: {{name: {secret}, key: {one}}}}}}}\n" for one in pods.secrets)
    return f"          env: # secrets are in the cluster; nothing of them is in this repository\n{rows}"


BASE = {
    "kustomization.yaml": """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - deployment.yaml
  - service.yaml
  - pdb.yaml
  - hpa.yaml
""",
    "deployment.yaml": """\
# The pattern: Headway makes a Deployment of its own from this for each release, with that release's image by digest.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels: &labels
    app.kubernetes.io/name: {name}
spec:
  selector:
    matchLabels: *labels
  template:
    metadata:
      labels: *labels
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 40 # preStop, and then time to answer the last requests
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        fsGroup: 10001
        seccompProfile: {{type: RuntimeDefault}}
      containers:
        - name: {name}
          image: {image} # without a tag: each release's digest takes its place
          ports:
            - {{name: http, containerPort: {port}}}
          env:
            - {{name: PORT, value: "{port}"}}
          envFrom:
            - configMapRef: {{name: {name}-settings}} # of the overlay; what headway.yaml says under config: comes after it, and wins
          startupProbe: # up to a minute to start
            httpGet: {{path: {health}, port: http}}
            periodSeconds: 2
            failureThreshold: 30
          readinessProbe: # no requests until, and unless, this is answered
            httpGet: {{path: {ready}, port: http}}
            periodSeconds: 5
            failureThreshold: 2
          livenessProbe: # started anew when it hangs
            httpGet: {{path: {health}, port: http}}
            periodSeconds: 10
            timeoutSeconds: 3
          lifecycle:
            preStop: # outlives its endpoint: requests that are on their way still find it
              sleep: {{seconds: 5}}
          resources: # each overlay has its own
            requests: {{cpu: 100m, memory: 128Mi}}
            limits: {{memory: 128Mi}}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {{drop: [ALL]}}
          volumeMounts:
            - {{name: tmp, mountPath: /tmp}}
      volumes:
        - {{name: tmp, emptyDir: {{sizeLimit: 64Mi}}}}
""",
    "service.yaml": """\
apiVersion: v1
kind: Service
metadata:
  name: {name}
  labels:
    app.kubernetes.io/name: {name}
spec:
  selector:
    app.kubernetes.io/name: {name}
  ports:
    - {{name: http, port: 80, targetPort: http}}
""",
    "pdb.yaml": """\
# One pod at a time may be taken away when a node is emptied.
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {name}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: {name}
""",
    "hpa.yaml": """\
# The pattern: each release gets an autoscaler of its own, which has the number of its replicas. Each overlay has its own bounds; to scale
# by load the cluster needs a metrics-server. To have a fixed number instead, take this out, and write replicas: in headway.yaml.
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {name}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}
  minReplicas: 1
  maxReplicas: 2
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {{type: Utilization, averageUtilization: 70}}
""",
}

OVERLAY = {
    "kustomization.yaml": """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {name}-{environment}
resources:
  - ../../base
  - httproute.yaml
patches:
  - path: deployment.yaml
  - path: autoscaler.yaml
configMapGenerator:
  - name: {name}-settings
    literals:
      - ENVIRONMENT={environment}
""",
    "deployment.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  template:
    spec:
      containers:
        - name: {name}
{secrets}\
          resources:
            requests: {{cpu: {processor}, memory: {memory}}}
            limits: {{memory: {memory}}}
""",
    "autoscaler.yaml": """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {name}
spec:
  minReplicas: {least}
  maxReplicas: {most}
""",
    "httproute.yaml": """\
# Headway moves traffic by the weights of this route. Without a Gateway take it out of kustomization.yaml: the Service is flipped then.
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: {name}
spec:
  parentRefs:
    - {gateway}
  hostnames:
    - {host}
  rules:
    - backendRefs:
        - {{name: {name}, port: 80}}
""",
}
