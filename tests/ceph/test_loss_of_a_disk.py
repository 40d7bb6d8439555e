"""One OSD of three is killed while data is written: nothing that was acknowledged is lost."""

from __future__ import annotations

import hashlib
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from bedplate.storage.bucket_plan import BucketPlan, claim_config
from bedplate.storage.rgw_admin import Keys, RgwAdmin, S3Endpoint
from bedplate.storage.s3_admin import provision, s3_client

WRITERS = 4
SIZE = 256 * 1024


@dataclass
class Load:
    """Writers that go on until they are told to stop; `written` holds what was acknowledged."""

    s3: Any
    stop: threading.Event = field(default_factory=threading.Event)
    written: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, writer: int) -> None:
        number = 0
        while not self.stop.is_set():
            body, key = secrets.token_bytes(SIZE), f"{writer}/{number}"
            self.s3.put_object(Bucket="load", Key=key, Body=body)
            with self.lock:
                self.written[key] = hashlib.sha256(body).hexdigest()
            number += 1

    def count(self) -> int:
        with self.lock:
            return len(self.written)

    def lost(self) -> list[str]:
        def differs(item: tuple[str, str]) -> bool:
            body = self.s3.get_object(Bucket="load", Key=item[0])["Body"].read()
            return hashlib.sha256(body).hexdigest() != item[1]

        with ThreadPoolExecutor(WRITERS) as pool:
            items = sorted(self.written.items())
            return [item[0] for item, bad in zip(items, pool.map(differs, items), strict=True) if bad]


def test_nothing_is_lost_with_one_disk_of_three(ceph: Any, until: Any) -> None:
    admin = Keys("LOSSADMIN", secrets.token_hex(20))
    ceph.run(
        "radosgw-admin",
        *("user", "create", "--uid=loss-admin", "--display-name=a", "--caps=users=*;buckets=*"),
        *(f"--access-key={admin.access_key}", f"--secret-key={admin.secret_key}"),
    )
    endpoint = S3Endpoint(url=ceph.url, keys=admin)
    keys = provision(RgwAdmin(endpoint), bucket="load", config=claim_config(BucketPlan(), "load", None))
    load = Load(s3_client(S3Endpoint(url=ceph.url, keys=keys)))
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(load.write, writer) for writer in range(WRITERS)]
        try:
            until("the first writes", lambda: load.count() >= 40, 60)
            ceph.kill("osd.1")
            until("the loss being noticed", lambda: ceph.osds_up() == 2, 60)
            before = load.count()
            until("writes without the disk", lambda: load.count() >= before + 40, 60)
        finally:
            load.stop.set()
        for writer in writers:
            writer.result()
    assert load.lost() == []
    ceph.start_osd(1)
    until("three OSDs again", lambda: ceph.osds_up() == 3, 60)
    until("a healthy cluster", ceph.healthy, 90)
    assert load.lost() == []
