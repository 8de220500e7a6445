"""Spans for OpenTelemetry, where OTEL_* asks for them and the extra `otel` is installed; elsewhere nothing of it is loaded.

References
----------
OpenTelemetry specification, "Environment Variable Specification" and "OpenTelemetry Protocol Exporter".
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from threading import Thread
from typing import Any

from loopline.engine.step import Step
from loopline.errors import Mistake

Attributes = Mapping[str, str | int | float | bool]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"
_EXPORTERS = {
    "otlp": ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "OTLPSpanExporter"),
    "console": ("opentelemetry.sdk.trace.export", "ConsoleSpanExporter"),
}
_END_S = 5.0
"""So long the last spans are tried at the end; by itself the SDK would hold up the end of a process for 30 seconds where no collector answers."""
_said = logging.getLogger("loopline.traces")


def exporters(env: Mapping[str, str]) -> tuple[str, ...]:
    """The exporters of traces that the environment asks for; none where it asks for no traces.

    The specification's default, OTLP to this machine, holds only where an endpoint is named: a server that nobody told of traces sends none.

    >>> exporters({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"})
    ('otlp',)
    >>> exporters({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"})
    ()
    """
    if env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ()
    said = env.get("OTEL_TRACES_EXPORTER", "").strip() or ("otlp" if any(env.get(name, "").strip() for name in _ENDPOINTS) else "")
    return tuple(dict.fromkeys(name for part in said.split(",") if (name := part.strip()) not in ("", "none")))


class Spans:
    """Makes spans, and hands them to exporters in a thread of its own.

    Parameters
    ----------
    service
        The name of the service, where OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES give none.
    names
        The exporters, each a key of those that are known.

    Raises
    ------
    ImportError
        When the extra `otel` is not installed.
    Mistake
        When a variable OTEL_* has a value that the SDK cannot use.
    """

    def __init__(self, service: str, names: Sequence[str]) -> None:
        sdk, resources, export = (import_module(f"opentelemetry.sdk.{name}") for name in ("trace", "resources", "trace.export"))
        made = [(import_module(module), name) for module, name in (_EXPORTERS[name] for name in names)]
        self._trace: Any = import_module("opentelemetry.trace")
        try:
            self._propagate: Any = import_module("opentelemetry.propagate")
            resource = resources.Resource.create({"service.name": service, "service.version": version("loopline")})
            self._provider: Any = sdk.TracerProvider(resource=resource.merge(resources.OTELResourceDetector().detect()), shutdown_on_exit=False)
            self._exporters: list[Any] = [getattr(module, name)() for module, name in made]
            for exporter in self._exporters:
                self._provider.add_span_processor(export.BatchSpanProcessor(exporter))
        except ValueError as error:
            raise Mistake(f"no traces can be made as it says ({error})", where="OTEL_*", remedy="mend the variable, or set OTEL_SDK_DISABLED=true") from None
        self._tracer: Any = self._provider.get_tracer("loopline", version("loopline"))

    def serve(self, name: str, headers: Mapping[str, Sequence[str]], attributes: Attributes) -> Any:
        """The span of a request that is answered, begun now; a child of the caller's where the headers name one."""
        return self._tracer.start_span(name, self._propagate.extract(headers), self._trace.SpanKind.SERVER, attributes)

    def part(self, name: str, whole: Any, since_ns: int, until_ns: int) -> None:
        """A span of what is over already, in nanoseconds since 1970, within another one."""
        self._tracer.start_span(name, self._trace.set_span_in_context(whole), start_time=since_ns).end(until_ns)

    def fail(self, span: Any) -> None:
        """Say of a span that it failed."""
        span.set_status(self._trace.StatusCode.ERROR)

    @contextmanager
    def current(self, name: str, attributes: Attributes) -> Iterator[Any]:
        """A span around what is done in it, within that which is open already; of an error it tells the class alone, since its text may quote a row."""
        with self._tracer.start_as_current_span(name, attributes=attributes, record_exception=False, set_status_on_exception=False) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__qualname__)
                self.fail(span)
                raise

    def close(self) -> None:
        """Hand over what is left; what a collector does not take within seconds is given up."""
        ending = Thread(target=self._provider.shutdown, name="spans", daemon=True)
        ending.start()
        ending.join(_END_S)
        if ending.is_alive():
            for exporter in self._exporters:
                exporter.shutdown()
            ending.join(_END_S)


def opened(service: str, env: Mapping[str, str]) -> Spans | None:
    """Spans as the environment asks for them; None, perhaps with a word in the log, where there are none to make.

    What is asked for and is not known is ignored with a warning, as the specification wants it.

    Raises
    ------
    Mistake
        When a variable OTEL_* has a value that the SDK cannot use.
    """
    asked = exporters(env)
    for name in asked:
        if name not in _EXPORTERS:
            _said.warning("OTEL_TRACES_EXPORTER: there is no exporter %r here, and it is left out; there are: %s, none", name, ", ".join(_EXPORTERS))
    known = [name for name in asked if name in _EXPORTERS]
    protocol = next((env[name].strip() for name in _PROTOCOLS if env.get(name, "").strip()), _PROTOCOL)
    if "otlp" in known and protocol != _PROTOCOL:
        _said.warning("OTEL_EXPORTER_OTLP_PROTOCOL: %s is not spoken here, and %s is used", protocol, _PROTOCOL)
    try:
        return Spans(service, known) if known else None
    except ImportError:
        _said.warning("OTEL_* asks for traces, and none are made: the extra is not installed; install it: pip install 'loopline[otel]'")
        return None


@contextmanager
def tracing(service: str) -> Iterator[Spans | None]:
    """Spans as OTEL_* asks for them, handed over at the end; None where it asks for none, or the extra `otel` is not installed.

    Raises
    ------
    Mistake
        When a variable OTEL_* has a value that the SDK cannot use.
    """
    spans = opened(service, os.environ)
    try:
        yield spans
    finally:
        if spans is not None:
            spans.close()


class StepSpans:
    """A span for each step of one run of the loop, where spans are made.

    Parameters
    ----------
    spans
        None where none are made.
    """

    def __init__(self, spans: Spans | None = None) -> None:
        self._spans = spans
        self._told: set[str] = set()

    @contextmanager
    def around(self, step: Step, *, cached: bool = False) -> Iterator[None]:
        """A span around a step.

        Parameters
        ----------
        cached
            Whether it has been done already. The loop asks for such a step anew whenever another one is done, and it is told once.
        """
        if self._spans is None or (cached and step.key in self._told):
            yield
            return
        self._told.add(step.key)
        with self._spans.current(f"{step.stage}: {step.name}", {"loopline.stage": step.stage, "loopline.step": step.name, "loopline.cached": cached}):
            yield


@contextmanager
def run_spans(project: str) -> Iterator[StepSpans]:
    """The spans of one run of the loop, within one for the whole run.

    Raises
    ------
    Mistake
        When a variable OTEL_* has a value that the SDK cannot use.
    """
    with tracing(project) as spans:
        if spans is None:
            yield StepSpans()
            return
        with spans.current("loopline run", {"loopline.project": project}):
            yield StepSpans(spans)
