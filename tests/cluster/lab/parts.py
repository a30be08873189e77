"""The parts of the cluster, in the order in which they start, and how each is started."""

import json
import subprocess
from collections.abc import Iterator

from lab.layout import API, KUBECONFIG, NAME, NODE, PAUSE, PODS, REGISTRY, SERVICES, STATE, program
from lab.network import inside
from lab.papers import paper
from lab.processes import Part

SOCKET = STATE / "containerd.sock"


def registry() -> Part:
    """Images come from here, by digest, as from any registry."""
    config = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(STATE / "registry")}, "delete": {"enabled": True}},
        "http": {"addr": REGISTRY},
    }
    file = _write("registry.yml", config)
    return Part("registry", ["docker-registry", "serve", file], lambda: _answers(f"http://{REGISTRY}/v2/"))


def containers() -> Part:
    """containerd, with everything of its own."""
    _write_networks()
    file = STATE / "containerd.toml"
    file.write_text(f"""version = 2
root = "{STATE}/containerd/root"
state = "{STATE}/containerd/state"
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "{STATE}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd]
  default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
""")
    return Part("containerd", ["containerd", "--config", str(file)], SOCKET.exists)


def control() -> Iterator[Part]:
    """etcd, the API server, the controllers, the scheduler."""
    etcd = "http://127.0.0.1:2379"
    yield Part(
        "etcd",
        [
            program("etcd"),
            f"--data-dir={STATE}/etcd",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ],
        lambda: _answers(f"{etcd}/health"),
    )
    yield Part(
        "kube-apiserver",
        [
            program("kube-apiserver"),
            f"--etcd-servers={etcd}",
            f"--advertise-address={NODE}",
            f"--client-ca-file={paper('ca.crt')}",
            f"--tls-cert-file={paper('api.crt')}",
            f"--tls-private-key-file={paper('api.key')}",
            f"--token-auth-file={paper('tokens.csv')}",
            f"--service-account-key-file={paper('accounts.key')}",
            f"--service-account-signing-key-file={paper('accounts.key')}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-cluster-ip-range={SERVICES}",
            "--authorization-mode=Node,RBAC",
            "--kubelet-preferred-address-types=InternalIP",  # names would need a DNS to be resolved
            "--allow-privileged=true",
        ],
        lambda: _answers(f"{API}/readyz"),
    )
    yield Part(
        "kube-controller-manager",
        [
            program("kube-controller-manager"),
            f"--kubeconfig={KUBECONFIG}",
            f"--root-ca-file={paper('ca.crt')}",
            f"--service-account-private-key-file={paper('accounts.key')}",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            # Longer than the API server is ever away: a node that cannot tell how it is would be taken for dead, its pods out of service.
            "--node-monitor-grace-period=600s",
        ],
        lambda: _answers("https://127.0.0.1:10257/healthz"),
    )
    yield Part(
        "kube-scheduler",
        [program("kube-scheduler"), f"--kubeconfig={KUBECONFIG}", "--leader-elect=false"],
        lambda: _answers("https://127.0.0.1:10259/healthz"),
    )


def node() -> Iterator[Part]:
    """The kubelet and the proxy: this machine as the one node."""
    kubelet = _write(
        "kubelet.json",
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": NODE,
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "containerRuntimeEndpoint": f"unix://{SOCKET}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{NAME}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "enforceNodeAllocatable": [],
            "oomScoreAdj": 0,
            "evictionHard": {"nodefs.available": "0%", "imagefs.available": "0%"},
            "imageGCHighThresholdPercent": 100,
            "registryPullQPS": 0,
            "podLogsDir": f"{STATE}/pod-logs",  # a kubelet removes what it does not know from there, also what another cluster's wrote
            "maxPods": 250,
            "resolvConf": "",
        },
    )
    yield Part(
        "kubelet",
        [
            program("kubelet"),
            f"--config={kubelet}",
            f"--kubeconfig={KUBECONFIG}",
            f"--root-dir={STATE}/kubelet",
            f"--hostname-override={NAME}",
            f"--node-ip={NODE}",
        ],
        lambda: "True" in _kubectl("get", "node", NAME, "-o", "jsonpath={.status.conditions[?(@.type=='Ready')].status}"),
    )
    proxy = _write(
        "kube-proxy.json",
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "clusterCIDR": PODS,
            "hostnameOverride": NAME,
            "clientConnection": {"kubeconfig": str(KUBECONFIG)},
            "conntrack": {"maxPerCore": 0},
        },
    )
    yield Part("kube-proxy", [program("kube-proxy"), f"--config={proxy}"], lambda: _answers("http://127.0.0.1:10256/healthz"))


def _write_networks() -> None:
    folder = STATE / "cni"
    folder.mkdir(parents=True, exist_ok=True)
    ranges = [[{"subnet": PODS}]]
    address = {"type": "host-local", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}], "dataDir": str(STATE / "addresses")}
    bridge = {"type": "bridge", "bridge": "pods0", "isGateway": True, "ipMasq": True, "hairpinMode": True, "ipam": address}
    network = {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}]}
    (folder / "10-pods.conflist").write_text(json.dumps(network, indent=2))
    (folder / "99-loopback.conf").write_text(json.dumps({"cniVersion": "0.4.0", "name": "lo", "type": "loopback"}))


def _write(name: str, content: object) -> str:
    """The same again is left alone: a kube-proxy ends when its file is written to, whatever is in it."""
    file, text = STATE / name, json.dumps(content, indent=2)
    if not file.exists() or file.read_text() != text:
        file.write_text(text)
    return str(file)


def _answers(url: str) -> bool:
    argv = inside(["curl", "-ksf", "-m", "2", "-o", "/dev/null", url])
    return subprocess.run(argv, check=False).returncode == 0


def _kubectl(*argv: str) -> str:
    whole = inside([program("kubectl"), f"--kubeconfig={KUBECONFIG}", *argv])
    return subprocess.run(whole, capture_output=True, text=True, check=False).stdout
