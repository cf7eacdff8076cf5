#!/usr/bin/env python3
"""Makes the small digests of published event schemas that gateway-core/tests/event_formats.rs checks against.

  digest.py ocsf OCSF.json     the compiled schema of OCSF, as the Python package ocsf-json-schema 1.2.0 has it (ocsf/1.8.0.json)
  digest.py ecs ecs_flat.ts    ECS's flat list, as the npm package @elastic/ecs 9.4.0 has it (generated/ecs_flat.ts); needs node

Both schemas are under Apache-2.0. What is kept are facts: names, types, requirements and allowed values; no descriptions.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

CLASSES = [
    "datastore_activity", "network_activity", "authentication", "authorize_session", "account_change", "entity_management",
    "api_activity", "detection_finding", "application_lifecycle", "application_error",
]
OBJECTS = [
    "actor", "analytic", "api", "authorization", "container", "database", "device", "evidences", "file", "finding_info",
    "fingerprint", "group", "managed_entity", "metadata", "network_connection_info", "network_endpoint", "network_traffic",
    "policy", "process", "product", "query_info", "resource_details", "service", "session", "table", "user",
]
PROFILES = ["host", "security_control", "container"]
SETS = [
    "@timestamp", "message", "tags", "labels", "client", "container", "destination", "ecs", "error", "event", "host", "network",
    "observer", "process", "related", "rule", "server", "service", "source", "user",
]
LEFT_OUT = re.compile(
    r"\.(geo|as|risk|x509|os|nat|boot|cpu|disk|pe|elf|macho|ingress|egress|vlan|inner|changes|effective|entity|origin)\."
    r"|^process\.(entry_leader|session_leader|group_leader|parent|previous|attested_\w+|saved_\w+|real_\w+|io|tty)\b|^host\.network"
)


def attribute(of):
    """`requirement type`, with [] for a list, and the ids that it may have."""
    kind = of.get("object_type") or of["type"]
    text = f"{of['requirement']} {'@' if 'object_type' in of else ''}{kind}{'[]' if of.get('is_array') else ''}"
    profiles = of.get("profiles") or []
    if profiles:
        text += " " + ",".join(profiles)
    return {"is": text, "enum": sorted(of["enum"], key=int)} if of.get("enum") else text


def wanted(of):
    profiles = of.get("profiles")
    return (not profiles or any(profile in PROFILES for profile in profiles)) and "@deprecated" not in of


def entity(of):
    kept = {name: attribute(a) for name, a in sorted(of["attributes"].items()) if wanted(a)}
    return {"uid": of.get("uid"), "constraints": of.get("constraints") or {}, "attributes": kept}


def ocsf(path):
    schema = json.loads(pathlib.Path(path).read_text())
    types = schema["dictionary"]["types"]["attributes"]
    return {
        "source": f"OCSF {schema['version']} (schema.ocsf.io), Apache-2.0; made by scripts/schemas/digest.py",
        "version": schema["version"],
        "types": {name: {k: of[k] for k in ("type", "regex", "range", "max_len") if k in of} for name, of in sorted(types.items())},
        "classes": {name: entity(schema["classes"][name]) for name in CLASSES},
        "objects": {name: entity(schema["objects"][name]) for name in OBJECTS},
    }


def ecs(path):
    text = pathlib.Path(path).read_text()
    body = text[text.index("export const EcsFlat =") + len("export const EcsFlat ="):].replace("as const", "")
    with tempfile.NamedTemporaryFile("w", suffix=".js") as script:
        script.write(f"process.stdout.write(JSON.stringify({body.strip().rstrip(';')}))")
        script.flush()
        flat = json.loads(subprocess.run(["node", script.name], check=True, capture_output=True).stdout)
    fields = {}
    for name, of in sorted(flat.items()):
        if name.split(".")[0] not in SETS or LEFT_OUT.search(name):
            continue
        field = f"{of['type']}{'[]' if 'array' in of.get('normalize', []) else ''}"
        allowed = of.get("allowed_values")
        fields[name] = {"is": field, "allowed": {v["name"]: v.get("expected_event_types", []) for v in allowed}} if allowed else field
    return {"source": "ECS 9.4.0 (Elastic), Apache-2.0; made by scripts/schemas/digest.py", "version": "9.4.0", "fields": fields}


def main():
    made = {"ocsf": ocsf, "ecs": ecs}[sys.argv[1]](sys.argv[2])
    lines = []
    for name, part in made.items():
        if isinstance(part, dict):
            inner = ",\n".join(f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in part.items())
            lines.append(f"{json.dumps(name)}:{{\n{inner}\n}}")
        else:
            lines.append(f"{json.dumps(name)}:{json.dumps(part)}")
    print("{\n" + ",\n".join(lines) + "\n}")


main()
