"""Keys, certificates and kubeconfigs of a cluster that lives for minutes."""

import json
import secrets
import subprocess
from pathlib import Path

from lab.layout import API, KUBECONFIG, NODE, STATE

PAPERS = STATE / "papers"
ADMIN = "admin"
_NAMES = f"IP:{NODE},IP:127.0.0.1,IP:10.96.0.1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"


def write() -> None:
    """A CA, the API server's certificate, the key that signs service accounts' tokens, and the admin's kubeconfig."""
    PAPERS.mkdir(parents=True, mode=0o700)
    _openssl("req", "-x509", *_FRESH, "-subj", "/CN=headway-test-ca", "-days", "3", "-keyout", "ca.key", "-out", "ca.crt")
    _openssl("req", *_FRESH, "-subj", "/CN=kube-apiserver", "-keyout", "api.key", "-out", "api.csr")
    (PAPERS / "api.ext").write_text(f"subjectAltName={_NAMES}\n")
    signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "3", "-extfile", "api.ext")
    _openssl("x509", "-req", "-in", "api.csr", "-out", "api.crt", *signing)
    _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "accounts.key")
    token = secrets.token_hex(16)  # drawn for this run
    (PAPERS / "tokens.csv").write_text(f'{token},{ADMIN},{ADMIN},"system:masters"\n')
    KUBECONFIG.write_text(kubeconfig(token))
    KUBECONFIG.chmod(0o600)


def kubeconfig(token: str) -> str:
    """How to reach the cluster with this token."""
    name = "headway-test"
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": API, "certificate-authority": str(PAPERS / "ca.crt")}}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        },
        indent=2,
    )


def paper(name: str) -> str:
    """Where one of them lies."""
    return str(PAPERS / name)


_FRESH = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def _openssl(*argv: str) -> None:
    subprocess.run(["openssl", *argv], cwd=Path(PAPERS), check=True, capture_output=True)
