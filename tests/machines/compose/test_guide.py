"""docker-compose.yml with a real engine, installed as docs/operations.md says.

The images of PostgreSQL, Valkey and nginx, and the base of ours, are made from Debian's packages (`stand_ins.py`).
"""

import json
import re

from standardwebhooks import Webhook

from tests.machines import guide
from tests.machines.compose.client import NAME, Client
from tests.machines.compose.installation import IMAGE, OURS, SERVICES, STAFF, Installation
from tests.machines.engine import Engine
from tests.machines.stand_ins import DEBIAN
from tests.waiting import wait_until

# CHOWN, DAC_OVERRIDE, SETGID, SETUID, NET_BIND_SERVICE: bits of https://man7.org/linux/man-pages/man7/capabilities.7.html
NGINX_CAPABILITIES = sum(1 << bit for bit in (0, 1, 6, 7, 10))
MEGABYTES = {"web": 1024, "worker": 1024, "jobs": 1024, "beat": 256, "nginx": 128, "postgres": 2048, "valkey": 256}
MEMORY_LIMIT = "cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes"


def test_the_guide_ends_in_a_service_that_delivers_signed_events(
    installation: Installation, client: Client, secret: str
) -> None:
    [event] = client.publish(1)
    installation.wait_for_events([event])
    [request] = [each for each in installation.requests() if each["headers"]["webhook-id"] == event]
    assert Webhook(secret).verify(request["body"], request["headers"])["event"] == "asset.created"


def test_the_check_before_it_is_exposed_says_nothing_wrong(installation: Installation) -> None:
    [check] = guide.commands("operations.md", "### Before you expose it")
    assert re.fullmatch(r"(System check identified no issues \(\d+ silenced\)\.)?\s*", installation.run(check))


def test_staff_sign_in_through_nginx(installation: Installation) -> None:
    browser = installation.client()
    login = f"https://{NAME}/admin/login/"
    [token] = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.ask("GET", "/admin/login/").text)
    form = {**STAFF, "csrfmiddlewaretoken": token, "next": "/admin/"}
    answer = browser.ask("POST", "/admin/login/", data=form, headers={"Referer": login})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/"), answer.text
    assert browser.ask("GET", "/admin/").status_code == 200


def test_no_container_can_change_its_image_or_has_more_rights_than_it_needs(installation: Installation) -> None:
    for name in SERVICES:
        inside = installation.run(f"docker compose exec -T {name} sh -c 'id -u; grep -E Cap.nd /proc/1/status; id -u'")
        user = int(inside.split()[0])
        assert (user == 0) == (name == "nginx"), name
        capabilities = re.findall(r"^CapBnd:\s*(\w+)", inside, re.MULTILINE)
        assert [int(each, 16) for each in capabilities] == [NGINX_CAPABILITIES if name == "nginx" else 0], name
        for folder in ("/", "/app", "/usr", "/etc"):
            refused = installation.run(f"docker compose exec -T {name} touch {folder}/file", check=False)
            assert re.search("Read-only file system|Permission denied|No such file", refused), (name, folder, refused)
        root = installation.run(f"docker compose exec -T {name} grep -E '^[^ ]+ / ' /proc/mounts")
        assert re.search(r"\bro\b", root.split()[3]), root
        limit = installation.run(f"docker compose exec -T {name} sh -c '{MEMORY_LIMIT}'")
        assert int(limit) == MEGABYTES[name] << 20, name
        [container] = installation.containers(name)
        host = container["HostConfig"]
        assert host["NanoCpus"] > 0, name
        assert 0 < host["PidsLimit"] <= 512, name
        assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "5"}}
        assert "no-new-privileges:true" in host["SecurityOpt"]


def test_a_volume_has_a_name_or_there_is_none(installation: Installation) -> None:
    mounts = [mount for container in installation.containers() for mount in container["Mounts"]]
    volumes = {mount["Name"] for mount in mounts if mount["Type"] == "volume"}
    assert volumes == {f"{installation.project}_postgres", f"{installation.project}_beat"}


def test_no_secret_is_in_what_the_engine_tells_or_in_the_logs(
    installation: Installation, client: Client, secret: str
) -> None:
    files = {file.name: file.read_text().strip() for file in (installation.folder / "secrets").iterdir()}
    assert len(files) == 6
    told = json.dumps(installation.containers()) + "".join(installation.logs(name) for name in SERVICES)
    told += "".join(installation.run(f"docker compose top {name}") for name in SERVICES)
    known = {**files, "webhook": secret, "staff": STAFF["password"], "token": str(client.headers["Authorization"])[7:]}
    assert [name for name, value in known.items() if value in told] == []
    assert all(name in told for name in SERVICES)  # or nothing would have been looked at


def test_each_line_of_our_logs_is_json(installation: Installation) -> None:
    for name in OURS:
        lines = installation.logs(name).splitlines()
        assert lines, name
        assert all({"event", "level", "timestamp"} <= json.loads(line).keys() for line in lines), name


def test_nginx_finds_a_web_container_that_has_another_address(installation: Installation, client: Client) -> None:
    web = f"{installation.project}-web-1"
    before = installation.address(web)
    installation.run("docker compose stop web")
    installation.start_beside("other", "sleep", "600")  # takes the free address
    installation.run("docker compose start web")
    assert installation.address(web) != before
    wait_until(lambda: client.ask("GET", "/signin").status_code == 200, "nginx asks the new address")


def test_every_health_check_passes_in_the_end(installation: Installation) -> None:
    installation.wait_for_health()


def test_the_image_has_no_programs_that_only_its_making_needs(engine: Engine, installation: Installation) -> None:
    sizes = [int(engine.docker("inspect", "--format", "{{.Size}}", name)) for name in (IMAGE, DEBIAN)]
    print(f"\nThe image has {(sizes[0] - sizes[1]) >> 20} MB more than its base.")
    found = installation.run("docker compose exec -T web sh -c 'command -v gcc cc make git' || true")
    assert found.strip() == ""
