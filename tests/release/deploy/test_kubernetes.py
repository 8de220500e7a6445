"""The manifests: Kubernetes' own schemas accept them, they fit together, and no pod may do what serving needs not."""

import pytest
import yaml

from loopline.release.deploy.kubernetes import DRAIN_S, container, deployment, manifests, target
from tests.release.deploying import serving


@pytest.fixture
def made(tmp_path):
    return {manifest["kind"]: manifest for manifest in manifests(serving(tmp_path)).values()}


@pytest.mark.parametrize("version", ["1.28", "latest"])
def test_the_schemas_of_kubernetes_accept_every_manifest(tmp_path, version):
    schemas = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed: the schemas are not there")
    asked = schemas.latest_version() if version == "latest" else version
    files = {name: yaml.safe_load(text) for name, text in target(serving(tmp_path)).files.items()}
    listed = files.pop("kustomization.yaml")
    assert sorted(listed["resources"]) == sorted(files)
    for manifest in files.values():
        schemas.validate(manifest, asked, strict=True)


def test_the_schemas_would_refuse_a_mistyped_field(tmp_path):
    schemas = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed: the schemas are not there")
    broken = deployment(serving(tmp_path))
    broken["spec"]["replica"] = 2
    with pytest.raises(schemas.ValidationError):
        schemas.validate(broken, schemas.latest_version(), strict=True)


def test_every_selector_finds_the_pods(made):
    pods = made["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for selector in (
        made["Deployment"]["spec"]["selector"]["matchLabels"],
        made["Service"]["spec"]["selector"],
        made["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        made["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= pods.items()
    assert made["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == made["Deployment"]["metadata"]["name"]
    assert made["Deployment"]["spec"]["template"]["spec"]["serviceAccountName"] == made["ServiceAccount"]["metadata"]["name"]


def test_labels_are_short_enough_and_the_whole_digest_is_named(made):
    for manifest in made.values():
        assert all(len(value) <= 63 for value in manifest["metadata"]["labels"].values())
        assert manifest["metadata"]["annotations"]["loopline/package"] == "ab" * 32


def test_what_is_asked_for_is_what_was_measured(tmp_path, made):
    told = container(serving(tmp_path))["resources"]
    assert told == {"requests": {"cpu": "250m", "memory": "160M"}, "limits": {"memory": "384M"}}
    scaled = made["HorizontalPodAutoscaler"]["spec"]
    assert (scaled["minReplicas"], scaled["maxReplicas"]) == (2, 4)


def test_a_pod_may_do_nothing_that_serving_needs_not(made):
    pod = made["Deployment"]["spec"]["template"]["spec"]
    (only,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    assert only["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    mounted = {mount["name"] for mount in only["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_servers_leave_after_their_last_answer_and_never_all_at_once(made):
    spec = made["Deployment"]["spec"]
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    leave_s = int(spec["template"]["spec"]["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert leave_s < spec["template"]["spec"]["terminationGracePeriodSeconds"] == DRAIN_S
    assert made["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1


def test_addresses_come_from_a_secret_and_stand_in_no_manifest(tmp_path):
    asked = serving(tmp_path, rooms=(tmp_path,))
    assert container(asked)["envFrom"] == [{"secretRef": {"name": asked.name}}]
    plan = target(asked)
    assert not any(str(tmp_path) in text for text in plan.files.values())
    assert plan.blocker is not None and "pods do not find them" in plan.blocker.what
    assert target(serving(tmp_path)).blocker is None


def test_another_name_of_the_image_is_taken(tmp_path):
    assert container(serving(tmp_path, image="registry/shop:7"))["image"] == "registry/shop:7"
