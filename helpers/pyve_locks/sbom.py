"""A lock as a software bill of materials: CycloneDX 1.6, JSON.

Source: CycloneDX 1.6 (ECMA-424); Package URL (ECMA-427), types ``pypi`` and ``conda``.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pyve_core import HelperError
from pyve_core.fixes import missing_engine, repeat
from pyve_locks.selection import reduce_marker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cyclonedx.model import HashType
    from cyclonedx.model.component import Component

    from pyve_locks.graph import Graph, Node

# Of the serial numbers, which are made of the document's content (UUID version 5, RFC 9562).
_NAMESPACE = uuid.UUID("5b6e1a6f-6f0f-5d8a-9a55-3c1d0f6f6f3e")
_COMMIT = re.compile(r"(?P<url>(?:git|hg|svn|bzr)\+.*)@(?P<commit>[^@#]+)")


def read_epoch(environment: Mapping[str, str]) -> int | None:
    """Give the time that a document is to have, in seconds since 1970, or None for none.

    Args:
        environment: variables; SOURCE_DATE_EPOCH is looked at (reproducible-builds.org).

    Raises:
        HelperError: E_USAGE_VALUE, when it is no number.
    """
    text = environment.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,11}", text, re.A):
        raise HelperError(
            "E_USAGE_VALUE",
            f"SOURCE_DATE_EPOCH is '{text}'",
            "it is a number of seconds since 1970",
            repeat("SOURCE_DATE_EPOCH"),
        )
    return int(text)


def export_cyclonedx(
    graph: Graph,
    name: str,
    version: str = "",
    extras: Iterable[str] | None = None,
    groups: Iterable[str] | None = None,
    epoch: int | None = None,
    tool_version: str = "",
) -> str:
    """Write the bill of materials of a lock; the same bytes for the same lock.

    Args:
        graph: the lock's.
        name, version: of the project, which is the document's subject; "" for no version.
        extras, groups: those whose packages are in it; None for all.
        epoch: the time to put into it, in seconds since 1970; None for none.
        tool_version: of Pyve; "" leaves out who made it.

    Returns:
        The document. Its scopes: "required" is always installed, "optional" with an extra,
        "excluded" with a dependency group only. Its serial number comes from its content.

    Raises:
        HelperError: E_ENGINE_MISSING, when the toolchain has no CycloneDX library; E_LOCK_FILE.
    """
    try:
        from cyclonedx.model.bom import Bom, BomMetaData
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.output import make_outputter
        from cyclonedx.schema import OutputFormat, SchemaVersion
    except ImportError as error:
        raise missing_engine("the CycloneDX library is not in Pyve's toolchain", error) from error
    extras = None if extras is None else list(extras)
    groups = None if groups is None else list(groups)
    keep = {
        number: _make_component(graph, number)
        for number, node in enumerate(graph.nodes)
        if reduce_marker(node.marker, extras, groups) is not False
    }
    subject = Component(
        name=name,
        version=version or None,
        type=ComponentType.APPLICATION,
        bom_ref=f"project:{name}",
    )
    now = datetime.fromtimestamp(epoch or 0, timezone.utc)
    metadata = BomMetaData(component=subject, timestamp=now)
    if tool_version:
        metadata.tools.components.add(
            Component(
                name="pyve",
                version=tool_version,
                type=ComponentType.APPLICATION,
                bom_ref=f"tool:pyve@{tool_version}",
            )
        )
    bom = Bom(components=keep.values(), metadata=metadata, serial_number=uuid.UUID(int=0))
    wanted = graph.direct or range(len(graph.nodes))
    bom.register_dependency(subject, [keep[number] for number in sorted(wanted) if number in keep])
    for number, component in keep.items():
        needs = [keep[other] for other in graph.requires[number] if other in keep]
        bom.register_dependency(component, needs)
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    return _make_stable(json.loads(text), epoch)


def _make_stable(document: dict[str, Any], epoch: int | None) -> str:
    """Take out what would differ from one run to the next, and number what is left."""
    del document["serialNumber"]
    if epoch is None:
        del document["metadata"]["timestamp"]
    content = json.dumps(document, sort_keys=True, ensure_ascii=False)
    serial = uuid.uuid5(_NAMESPACE, content.encode("utf-8", "replace").decode("utf-8"))
    document["serialNumber"] = serial.urn
    return json.dumps(document, sort_keys=True, ensure_ascii=False, indent=2) + "\n"


def _make_component(graph: Graph, number: int) -> Component:
    from cyclonedx.model import (
        ExternalReference,
        ExternalReferenceType,
        Property,
        XsUri,
    )
    from cyclonedx.model.component import Component, ComponentScope, ComponentType

    node = graph.nodes[number]
    scope = (
        ComponentScope.REQUIRED
        if reduce_marker(node.marker) is not False
        else ComponentScope.OPTIONAL
        if reduce_marker(node.marker, None, ()) is not False
        else ComponentScope.EXCLUDED
    )
    references = [
        ExternalReference(
            type=ExternalReferenceType.DISTRIBUTION,
            url=XsUri(file.url or file.name),
            hashes=_make_hashes(file.digest),
        )
        for file in node.files
        if file.url or file.name
    ]
    commit = _COMMIT.match(node.origin)
    if commit:
        references.append(
            ExternalReference(
                type=ExternalReferenceType.VCS,
                url=XsUri(commit["url"].partition("+")[2]),
                comment=f"commit {commit['commit']}",
            )
        )
    details = {"marker": node.marker, "platform": node.platform}
    properties = [Property(name=f"pyve:{key}", value=text) for key, text in details.items() if text]
    return Component(
        name=node.name,
        version=node.version or None,
        type=ComponentType.LIBRARY,
        bom_ref=_reference(graph, number),
        scope=scope,
        purl=_package_url(node),
        external_references=references,
        properties=properties,
    )


def _make_hashes(digest: str) -> list[HashType]:
    from cyclonedx.model import HashAlgorithm, HashType

    kind, _, content = digest.partition(":")
    known = {
        "sha256": HashAlgorithm.SHA_256,
        "sha384": HashAlgorithm.SHA_384,
        "sha512": HashAlgorithm.SHA_512,
        "md5": HashAlgorithm.MD5,
    }
    return [HashType(alg=known[kind], content=content)] if content else []


def _reference(graph: Graph, number: int) -> str:
    """Name a component within the document: short, and the same as long as the lock is."""
    node = graph.nodes[number]
    place = f"/{node.platform}" if node.platform else ""
    text = f"{node.manager}{place}:{node.name}@{node.version}"
    same = [
        other
        for other in range(number)
        if (graph.nodes[other].manager, graph.nodes[other].platform)
        == (node.manager, node.platform)
        and (graph.nodes[other].name, graph.nodes[other].version) == (node.name, node.version)
    ]
    return f"{text}#{len(same) + 1}" if same else text


def _package_url(node: Node) -> Any:
    from packageurl import PackageURL

    qualifiers: dict[str, str] = {}
    url = node.files[0].url if node.files else ""
    if node.manager == "conda":
        from pyve_files.lock import find_build

        place, _, file = url.rpartition("/")
        channel, _, subdir = place.rpartition("/")
        channel = channel.rpartition("/")[2]
        known = {
            "build": find_build(url, node.name, node.version),
            "channel": channel,
            "subdir": subdir or node.platform,
            "type": "conda" if file.endswith(".conda") else "tar.bz2",
        }
        qualifiers = {key: text for key, text in known.items() if text}
    elif _COMMIT.match(node.origin):
        qualifiers["vcs_url"] = node.origin
    elif "://" in node.origin:
        qualifiers["download_url"] = node.origin
    return PackageURL(
        type="conda" if node.manager == "conda" else "pypi",
        name=node.name,
        version=node.version or None,
        qualifiers=qualifiers,
    )
