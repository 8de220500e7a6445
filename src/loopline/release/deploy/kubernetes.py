"""Manifests for Kubernetes: servers that start when they are ready, leave after their last answer, and are never all away at once."""

from __future__ import annotations

from shlex import quote
from typing import Any

import yaml

from loopline.errors import Mistake
from loopline.release.deploy.container import UNASKED, USER, words
from loopline.release.deploy.target import Plan, Serving

Manifest = dict[str, Any]

DRAIN_S = 45
BUSY_PERCENT = 60
"""The share of the processors asked for at which another server is added."""

_LEAVE_S = 5
_ROOM = "/project/.loopline"


def target(serving: Serving) -> Plan:
    """Write one file of manifests for each kind of thing, and a list of them; applying it is a command that is said."""
    made = manifests(serving)
    listed: Manifest = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": [f"{name}.yaml" for name in made]}
    notes = [
        f"the image is {serving.image_name}: build it with loopline release deploy --to container, and push it where the cluster finds it (--image NAME)",
        f"addresses come from a secret: kubectl create secret generic {serving.name} --from-literal=LOOPLINE_LEDGER=... --from-literal=LOOPLINE_LAKE=...",
        f"the prediction log is on the claim {serving.name}: have loopline tick run where it is mounted, or nothing that was served is ever collected",
    ]
    if not serving.has_tokens:
        notes.append(UNASKED)
    files = {f"{name}.yaml": _written(serving, one) for name, one in {**made, "kustomization": listed}.items()}
    return Plan(files=files, notes=tuple(notes), following=f"kubectl apply -k {quote(str(serving.output))}", blocker=_blocker(serving))


def _blocker(serving: Serving) -> Mistake | None:
    if not serving.rooms:
        return None
    remedy = "move them to PostgreSQL and an object store, and say where with LOOPLINE_LEDGER and LOOPLINE_LAKE"
    return Mistake("ledger or lake lie on this machine, where pods do not find them", where=", ".join(map(str, serving.rooms)), remedy=remedy)


def manifests(serving: Serving) -> dict[str, Manifest]:
    """Every manifest by the name of its file."""
    name, needs, labels = serving.name, serving.needs, _labels(serving)
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    load = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": BUSY_PERCENT}}}
    # Whoever holds a token may call, and without tokens what runs in the same namespace: the rest of the cluster has no business here.
    callers = [{"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": serving.port}]}]
    return {
        "serviceaccount": {**_named(serving, "v1", "ServiceAccount"), "automountServiceAccountToken": False},
        "claim": _with(_named(serving, "v1", "PersistentVolumeClaim"), accessModes=["ReadWriteMany"], resources={"requests": {"storage": "10Gi"}}),
        "deployment": deployment(serving),
        "service": _with(_named(serving, "v1", "Service"), selector=labels, ports=[{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]),
        "disruptionbudget": _with(_named(serving, "policy/v1", "PodDisruptionBudget"), maxUnavailable=1, selector={"matchLabels": labels}),
        "autoscaler": _with(
            _named(serving, "autoscaling/v2", "HorizontalPodAutoscaler"),
            scaleTargetRef=scaled,
            minReplicas=needs.servers,
            maxReplicas=needs.servers_most,
            metrics=[load],
        ),
        "networkpolicy": _with(
            _named(serving, "networking.k8s.io/v1", "NetworkPolicy"), podSelector={"matchLabels": labels}, policyTypes=["Ingress"], ingress=callers
        ),
    }


def deployment(serving: Serving) -> Manifest:
    """The servers: as many as the volume asks for, replaced one by one without ever being fewer.

    How many there are is the autoscaler's to say, so that applying the manifests again changes it not.
    """
    labels = _labels(serving)
    spread = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": labels}}
    pod: Manifest = {
        "serviceAccountName": serving.name,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": DRAIN_S,
        "securityContext": {"runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER, "seccompProfile": {"type": "RuntimeDefault"}},
        "topologySpreadConstraints": [spread],
        "containers": [container(serving)],
        "volumes": [{"name": "room", "persistentVolumeClaim": {"claimName": serving.name}}, {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}],
    }
    return _with(
        _named(serving, "apps/v1", "Deployment"),
        selector={"matchLabels": labels},
        strategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        template={"metadata": {"labels": labels, "annotations": {"loopline/package": serving.package}}, "spec": pod},
    )


def container(serving: Serving) -> Manifest:
    """One server: what it asks for, how it is asked for its health, and what it may not do."""
    needs = serving.needs
    ready, alive = ({"httpGet": {"path": path, "port": "http"}} for path in ("/readyz", "/healthz"))
    return {
        "name": "serve",
        "image": serving.image_name,
        "args": words(serving),
        "ports": [{"name": "http", "containerPort": serving.port, "protocol": "TCP"}],
        "envFrom": [{"secretRef": {"name": serving.name}}],
        # No limit on processors: it would hold answers up while others are idle.
        "resources": {
            "requests": {"cpu": f"{round(needs.cores * 1000)}m", "memory": f"{needs.memory_mb}M"},
            "limits": {"memory": f"{needs.memory_limit_mb}M"},
        },
        "startupProbe": {**ready, "periodSeconds": 1, "failureThreshold": 120},
        "readinessProbe": {**ready, "periodSeconds": 5, "timeoutSeconds": 2},
        "livenessProbe": {**alive, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3},
        # Requests still come for a moment after the pod has been told to leave.
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(_LEAVE_S)]}}},
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "room", "mountPath": _ROOM}, {"name": "tmp", "mountPath": "/tmp"}],
    }


def _labels(serving: Serving) -> dict[str, str]:
    return {"app.kubernetes.io/name": serving.name, "app.kubernetes.io/component": "serve"}


def _named(serving: Serving, version: str, kind: str) -> Manifest:
    metadata = {"name": serving.name, "labels": _labels(serving), "annotations": {"loopline/package": serving.package}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _with(manifest: Manifest, **spec: Any) -> Manifest:
    return {**manifest, "spec": spec}


def _written(serving: Serving, manifest: Manifest) -> str:
    class Plain(yaml.SafeDumper):
        """Writes what is said twice twice: aliases are no one's friend in a manifest."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    return f"# {serving.head}\n{yaml.dump(manifest, Dumper=Plain, sort_keys=False, width=160)}"
