"""The official Python client, as it is, against the lab's cloud. Prints what it saw as JSON; the test judges it."""

import json
import sys

from hcloud import APIException, Client
from hcloud.actions.domain import ActionFailedException, ActionTimeoutException
from hcloud.firewalls.domain import FirewallRule
from hcloud.images.domain import Image
from hcloud.locations.domain import Location
from hcloud.networks.domain import NetworkSubnet
from hcloud.server_types.domain import ServerType
from hcloud.servers.domain import ServerCreatePublicNetwork

endpoint, token, stranger, public_key = sys.argv[1:5]
client = Client(token, api_endpoint=endpoint, poll_interval=0.02, poll_max_retries=20)
seen = {}


def error_of(run):
    """Code of the API's error, and whether it had details and a correlation id."""
    try:
        run()
    except APIException as error:
        return {"code": error.code, "details": error.details, "correlated": error.correlation_id is not None}
    return None


def create(name, **more):
    wished = {"server_type": ServerType(name="cx23"), "image": Image(name="debian-12"), "location": Location(name="fsn1")}
    return client.servers.create(name=name, **{**wished, **more})


seen["types"] = len(client.server_types.get_all())
seen["soldOut"] = [
    location.location.name for location in client.server_types.get_by_name("cx33").locations if not location.available
]
seen["image"] = client.images.get_by_name_and_architecture("debian-12", "arm").architecture
seen["zone"] = client.locations.get_by_name("hel1").network_zone

key = client.ssh_keys.create(name="key", public_key=public_key)
group = client.placement_groups.create(name="group", type="spread").placement_group
network = client.networks.create(name="network", ip_range="10.1.0.0/16")
network.add_subnet(NetworkSubnet(type="cloud", network_zone="eu-central", ip_range="10.1.1.0/24")).wait_until_finished()
rule = FirewallRule(direction="in", protocol="tcp", port="22", source_ips=["0.0.0.0/0"])
firewall = client.firewalls.create(name="firewall", rules=[rule]).firewall
address = client.primary_ips.create(name="address", type="ipv4", location=Location(name="fsn1")).primary_ip
seen["assigneeType"] = address.assignee_type

made = create(
    "a",
    ssh_keys=[key],
    placement_group=group,
    networks=[network],
    firewalls=[firewall],
    labels={"of": "test"},
    user_data="#cloud-config\n",
    public_net=ServerCreatePublicNetwork(ipv4=address, enable_ipv6=False),
)
seen["created"] = {"status": made.server.status, "locked": made.server.locked, "password": made.root_password}
for action in [made.action, *made.next_actions]:
    action.wait_until_finished()
server = client.servers.get_by_name("a")
seen["server"] = {
    "status": server.status,
    "location": server.location.name,
    "private": [net.ip for net in server.private_net],
    "firewalls": [applied.firewall.id == firewall.id for applied in server.public_net.firewalls],
    "group": server.placement_group.id == group.id,
    "address": server.public_net.ipv4.ip,
}

seen["byLabel"] = [found.name for found in client.servers.get_all(label_selector="of=test")]
server.power_off().wait_until_finished()
seen["off"] = client.servers.get_by_id(server.id).status
server.power_off().wait_until_finished()
server.power_on().wait_until_finished()
seen["on"] = client.servers.get_by_id(server.id).status
server.change_protection(delete=True, rebuild=True).wait_until_finished()

seen["errors"] = {
    "protected": error_of(server.delete),
    "unique": error_of(lambda: create("a")),
    "assigned": error_of(lambda: create("b", public_net=ServerCreatePublicNetwork(ipv4=address))),
    "noRoom": error_of(lambda: create("b", server_type=ServerType(name="cx33"), location=Location(name="hel1"))),
    "invalid": error_of(lambda: create("no_name")),
    "missing": error_of(lambda: client.servers.get_by_id(1)),
    "stranger": error_of(lambda: Client(stranger, api_endpoint=endpoint).servers.get_by_id(server.id)),
    "unknown": error_of(lambda: Client("z" * 64, api_endpoint=endpoint).servers.get_all()),
}

hanging = create("hangs", start_after_create=False)
hanging.action.wait_until_finished()
try:
    hanging.server.power_on().wait_until_finished()
except ActionTimeoutException as error:
    seen["timeout"] = str(error.action.command)
seen["errors"]["locked"] = error_of(hanging.server.power_off)
failing = create("fails", start_after_create=False)
try:
    failing.action.wait_until_finished()
except ActionFailedException as error:
    seen["failed"] = error.action.error["code"]

for number in range(60):
    client.placement_groups.create(name=f"more-{number}", type="spread") if number < 49 else None
    client.networks.create(name=f"more-{number}", ip_range=f"10.{number + 10}.0.0/16")
seen["pages"] = len(client.networks.get_all())
seen["errors"]["limit"] = error_of(lambda: client.placement_groups.create(name="one-more", type="spread"))

server.change_protection(delete=False, rebuild=False).wait_until_finished()
server.delete().wait_until_finished()
failing.server.delete().wait_until_finished()
seen["left"] = [found.name for found in client.servers.get_all()]
seen["kept"] = client.primary_ips.get_by_id(address.id).assignee_id
json.dump(seen, sys.stdout)
