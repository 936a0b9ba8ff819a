"""A multi-arch image of a few bytes, pushed over HTTP as any client would."""

import hashlib
from typing import Any

import msgspec
import requests

from inferpack.distribution import Published

OCI = "application/vnd.oci.image"
Auth = tuple[str, str] | None


def push(host: str, repository: str, auth: Auth = None) -> Published:
    """An index of two platforms, each of one layer; its digest is always the same."""
    url = f"http://{host}/v2/{repository}"
    children = [platform(url, arch, auth) for arch in ("amd64", "arm64")]
    document = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": children}
    return Published(f"{host}/{repository}", manifest(url, document, auth)["digest"])


def platform(url: str, arch: str, auth: Auth) -> dict[str, Any]:
    layer = f"the files of {arch}".encode()
    rootfs = {"type": "layers", "diff_ids": [sha256(layer)]}
    config = {"architecture": arch, "os": "linux", "rootfs": rootfs}
    document = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": blob(url, msgspec.json.encode(config), f"{OCI}.config.v1+json", auth),
        "layers": [blob(url, layer, f"{OCI}.layer.v1.tar", auth)],
    }
    about = {"os": "linux", "architecture": arch}
    return manifest(url, document, auth) | {"platform": about}


def blob(url: str, content: bytes, kind: str, auth: Auth) -> dict[str, Any]:
    begun = requests.post(f"{url}/blobs/uploads/", auth=auth, timeout=10)
    begun.raise_for_status()
    ended = requests.put(
        begun.headers["Location"],
        params={"digest": sha256(content)},
        data=content,
        auth=auth,
        timeout=10,
    )
    ended.raise_for_status()
    return {"mediaType": kind, "digest": sha256(content), "size": len(content)}


def manifest(url: str, document: dict[str, Any], auth: Auth) -> dict[str, Any]:
    content, kind = msgspec.json.encode(document), document["mediaType"]
    digest, head = sha256(content), {"Content-Type": kind}
    done = requests.put(
        f"{url}/manifests/{digest}", data=content, headers=head, auth=auth, timeout=10
    )
    done.raise_for_status()
    return {"mediaType": kind, "digest": digest, "size": len(content)}


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
