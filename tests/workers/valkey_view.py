"""rq's data in Valkey, for tests."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (the annotations of redis and rq leave type arguments out)

import redis
from rq import Worker
from rq.serializers import JSONSerializer

from workers.schedule import QUEUES
from workers.status import job_of


class View:
    def __init__(self, url: str) -> None:
        self.url = url
        self.client = redis.Redis.from_url(url)

    def workers(self) -> list[str]:
        return [worker.name for worker in Worker.all(connection=self.client, serializer=JSONSerializer)]

    def ready(self) -> int:
        """Return the number of workers that wait for a job or run one: from then on, they handle signals."""
        workers = Worker.all(connection=self.client, serializer=JSONSerializer)
        return sum(worker.get_state() in {"idle", "busy"} for worker in workers)

    def queues(self) -> list[tuple[str, ...]]:
        """Return the queues of each worker."""
        workers = Worker.all(connection=self.client, serializer=JSONSerializer)
        return sorted(tuple(worker.queue_names()) for worker in workers)

    def pids_running(self, name: str) -> list[int]:
        """Return the processes that are running this job."""
        workers = Worker.all(connection=self.client, serializer=JSONSerializer)
        jobs = [(worker.pid, job_of(worker)) for worker in workers]
        return [pid for pid, job in jobs if pid is not None and job is not None and job.origin == name]

    def jobs_done(self) -> tuple[int, int]:
        """Return the numbers of succeeded and failed jobs of the current workers."""
        workers = Worker.all(connection=self.client, serializer=JSONSerializer)
        return sum(each.successful_job_count for each in workers), sum(each.failed_job_count for each in workers)

    def schedulers(self) -> int:
        return int(str(self.client.zcard("rq:cron_schedulers")))

    def waiting(self) -> list[int]:
        """Return the number of waiting jobs by queue."""
        return [int(str(self.client.llen(f"rq:queue:{name}"))) for name in QUEUES]

    def jobs_kept(self) -> int:
        return len(list(self.client.scan_iter("rq:job:*")))

    def drop_waiting(self) -> None:
        self.client.delete(*[f"rq:queue:{name}" for name in QUEUES])

    def pause(self, seconds: int) -> None:
        """Make Valkey keep its connections without responding for `seconds`."""
        self.client.execute_command("CLIENT PAUSE", seconds * 1000, "ALL")

    def flush(self) -> None:
        self.client.flushall()
