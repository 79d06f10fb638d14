"""Runs each task of the simulated users once against the API at the given URL, and prints Locust's counts as JSON.

A separate program, because Locust patches the standard library's sockets.
"""

import json
import sys

import locust
from locust.env import Environment

from load.locust_users import accounts, users
from load.locust_users.users import Guest, Member, Visitor


def main(host: str) -> None:
    Visitor.host = host
    users.CHECK_EVERY = 1  # each answer in full
    environment = Environment(user_classes=[Guest, Member], host=host, events=locust.events)
    environment.create_local_runner()
    member = Member(environment)
    member.on_start()
    member.like()
    member.see()
    member.suggest()
    member.log_out()
    guest = Guest(environment)
    guest.on_start()
    guest.page()
    guest.item()
    guest.search()
    guest.log_in()
    accounts.delete_all(environment)
    counts = {
        f"{entry.method} {entry.name}": [entry.num_requests, entry.num_failures]
        for entry in environment.stats.entries.values()
    }
    errors = [f"{error.method} {error.name}: {error.error}" for error in environment.stats.errors.values()]
    print(json.dumps({"counts": counts, "errors": errors}))


main(sys.argv[1])
