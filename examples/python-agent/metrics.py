"""Metrics of the machine, by `metrics.sample`. What cannot be known is 0."""

import contextlib
import os
import shutil
import time

from opengeni.agent.v1 import lifecycle_pb2 as lifecycle
from paths import ROOT


class Metrics:
    def __init__(self):
        self.busy, self.all = cpu_times()
        self.percent = 0.0

    def sample(self):
        sample = lifecycle.MetricsSample(sampled_at_ms=time.time_ns() // 1_000_000, cpu_percent=self.cpu_percent())
        with contextlib.suppress(OSError):
            sample.load1, sample.load5, sample.load15 = os.getloadavg()
        with contextlib.suppress(OSError):
            disk = shutil.disk_usage(ROOT)
            sample.disk_used_bytes, sample.disk_total_bytes = disk.used, disk.total
        with contextlib.suppress(OSError, KeyError, ValueError):
            with open("/proc/meminfo") as file:
                kib = {line.split(":")[0]: int(line.split()[1]) for line in file}
            sample.mem_total_bytes = kib["MemTotal"] * 1024
            sample.mem_used_bytes = (kib["MemTotal"] - kib["MemAvailable"]) * 1024
        return sample

    def cpu_percent(self):
        """Of the time since the last sample."""
        busy, all_ = cpu_times()
        if all_ > self.all:
            self.percent = min(max(100 * (busy - self.busy) / (all_ - self.all), 0), 100)
            self.busy, self.all = busy, all_
        return self.percent


def cpu_times():
    try:
        with open("/proc/stat") as file:
            user, nice, system, idle, iowait, *rest = map(int, file.readline().split()[1:9])
    except (OSError, ValueError):
        return 0, 0
    busy = user + nice + system + sum(rest)
    return busy, busy + idle + iowait
