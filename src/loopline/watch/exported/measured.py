"""What the server's own metrics say, as expressions of Prometheus: the rules and the dashboard ask the same questions."""

from __future__ import annotations

from dataclasses import dataclass

ENDPOINTS = "/v1/predict|/v2/models/.*/infer|/invocations"
"""The endpoints that predict, as a pattern."""


@dataclass(frozen=True)
class Measured:
    """Expressions over the metrics of one project's servers.

    Parameters
    ----------
    job
        The job under which Prometheus reads them; every job where it is empty.

    References
    ----------
    https://prometheus.io/docs/prometheus/latest/querying/basics/
    """

    job: str = ""

    def metric(self, name: str, *matchers: str) -> str:
        """A metric of these servers, with further matchers of labels."""
        listed = [*([f'job="{self.job}"'] if self.job else []), *matchers]
        return f"{name}{{{','.join(listed)}}}" if listed else name

    def rate(self, name: str, *matchers: str, over: str = "5m") -> str:
        """How much of a counter comes in each second, over all servers."""
        return f"sum(rate({self.metric(name, *matchers)}[{over}]))"

    def share(self, part: str, *others: str) -> str:
        """A part of the whole that it and the others make; nothing where the whole is nothing."""
        whole = " + ".join((part, *others))
        return f"({part}) / (({whole}) > 0)"

    def requests(self) -> str:
        """Requests in a second, by endpoint."""
        return f"sum by (endpoint) (rate({self.metric('loopline_requests_total')}[5m]))"

    def statuses(self) -> str:
        """Requests in a second, by the status of their answer."""
        return f"sum by (status) (rate({self.metric('loopline_requests_total')}[5m]))"

    def failed(self) -> str:
        """The share of requests that the server failed to answer."""
        name, failed = "loopline_requests_total", 'status=~"5.."'
        return f"{self.rate(name, failed)} / ({self.rate(name)} > 0)"

    def shed(self) -> str:
        """The share of requests that were refused because too many came."""
        name, shed = "loopline_requests_total", 'status=~"429|503"'
        return f"{self.rate(name, shed)} / ({self.rate(name)} > 0)"

    def seconds(self, quantile: float) -> str:
        """The time within which that share of the predictions' requests was answered, in seconds."""
        buckets = self.metric("loopline_request_seconds_bucket", f'endpoint=~"{ENDPOINTS}"')
        return f"histogram_quantile({quantile:g}, sum by (le) (rate({buckets}[5m])))"

    def rows(self, over: str = "5m") -> str:
        """Rows in a second that were answered with a prediction."""
        return self.rate("loopline_rows_total", over=over)

    def refused(self) -> str:
        """The share of rows that were refused with a reason."""
        return self.share(self.rate("loopline_refused_rows_total"), self.rows())

    def malformed(self) -> str:
        """The share of outcomes that were malformed."""
        return self.share(self.rate("loopline_malformed_outcomes_total", over="1h"), self.rate("loopline_outcomes_total", over="1h"))

    def free(self) -> str:
        """The share of the log's disk that is free, of the fullest server."""
        return f"min({self.metric('loopline_log_free_bytes')} / {self.metric('loopline_log_disk_bytes')})"

    def free_in(self, seconds: int) -> str:
        """The bytes that will be free on the log's disk in so many seconds, if it goes on as in the last six hours."""
        return f"min(predict_linear({self.metric('loopline_log_free_bytes')}[6h], {seconds}))"

    def package(self) -> str:
        """The package that decides."""
        return f"max by (package, family) ({self.metric('loopline_package_info')} == 1)"

    def came_to_decide(self, within: str) -> str:
        """A package that decides now and did not so long ago, while another one did."""
        info = self.metric("loopline_package_info")
        now, then = f"max by (package) ({info} == 1)", f"max by (package) ({info} offset {within} == 1)"
        return f"({now}) unless ({then}) and on () (count({then}) > 0)"

    def decides_none(self) -> str:
        """Whether servers answer and none of them has a package."""
        info, requests = self.metric("loopline_package_info"), self.metric("loopline_requests_total")
        return f"count({requests}) > 0 unless on () (max({info}) == 1)"

    def lost_sight(self) -> str:
        """Times in a quarter of an hour that a server could not look the champion up."""
        return f"sum(increase({self.metric('loopline_follow_failures_total')}[15m]))"
