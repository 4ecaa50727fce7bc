"""A rotation of data keys beside a real server: its people notice nothing."""

import json
import subprocess
from contextlib import closing
from pathlib import Path

from tests.live import MANAGE, REPOSITORY, LiveServer
from tests.people import LiveWire, Person


def test_people_register_log_in_and_read_while_all_values_are_sealed_anew(tmp_path: Path) -> None:
    with LiveServer(tmp_path) as server, closing(LiveWire(server.url)) as wire:
        people = [Person(wire) for _ in range(2)]
        for person in people:
            person.register().expect(201)
        rotation = subprocess.Popen(
            [*MANAGE, "vault", "rotate-data", "--json"],
            env=server.env,
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        with rotation:
            assert rotation.stdout is not None
            while rotation.poll() is None:
                newcomer = Person(wire)
                newcomer.register().expect(201)
                people.append(newcomer)
                for person in people[:2]:
                    assert person.handset.call("GET", "me").expect(200).json["email"] == person.email
                    # By the e-mail address: found by its blind index, which stays as it is.
                    phone = person.new_handset()
                    phone.remember(phone.log_in(login=person.email).expect(200))
                    person.handset.refresh().expect(200)
            lines = [json.loads(line) for line in rotation.stdout]
        assert rotation.returncode == 0
        counted = {(line["table"], line["column"]): line for line in lines if line["event"] == "proof"}
        assert counted["accounts_account", "email"]["generation"] == 2
        assert 2 <= counted["accounts_account", "email"]["values"] <= len(people)
        for person in people:
            assert person.handset.call("GET", "me").expect(200).json["email"] == person.email
        # Nor after a restart, when no worker remembers the old key.
        server.stop()
        server.start()
        for person in people:
            person.handset.refresh().expect(200)
            assert person.handset.call("GET", "me").expect(200).json["email"] == person.email
