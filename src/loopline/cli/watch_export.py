"""``loopline watch export``: rules for Prometheus and a dashboard for Grafana."""

from __future__ import annotations

import json
from pathlib import Path

import click

from loopline.cli.output import emit, folder_option, hint, json_option, write_whole
from loopline.errors import Mistake
from loopline.project import find_folder, load


@click.command()
@click.option("--prometheus-rules", "rules_file", type=click.Path(path_type=Path), metavar="FILE", help="Write alerting rules, as YAML, to this file.")
@click.option("--grafana", "dashboard_file", type=click.Path(path_type=Path), metavar="FILE", help="Write a dashboard, as JSON, to this file.")
@click.option("--job", default="", metavar="NAME", help="The job under which Prometheus reads the project's servers; every job by default.")
@folder_option
@json_option
def export(rules_file: Path | None, dashboard_file: Path | None, job: str, folder: Path | None, as_json: bool) -> None:
    """Write what Prometheus and Grafana need to watch the server, where a team has them: alerting rules and a dashboard.

    Both are over the metrics of `loopline serve`, with the limits that loopline.yaml declares. For alerts of the model, give an
    Alertmanager as a channel: watch.tell: {business: alertmanager+http://host:9093}.
    """
    import yaml

    from loopline.watch.exported.dashboard import dashboard, panels
    from loopline.watch.exported.measured import Measured
    from loopline.watch.exported.rules import Limits, rule_file, rules

    if rules_file is None and dashboard_file is None:
        raise Mistake("nothing is to be written", where="loopline watch export", remedy="add --prometheus-rules FILE, --grafana FILE, or both")
    if any(sign in job for sign in '"\\\n'):
        raise Mistake(f"{job!r} is no name of a job", where="--job", remedy="give it as Prometheus' scrape_configs have it")
    project = load(folder.resolve() if folder is not None else find_folder(Path.cwd()))
    said, measured, lines = project.declaration, Measured(job), []
    limits = Limits(latency_ms=said.release.latency_ms, refused_share=said.watch.refused_share, volume=said.charter.volume)
    made, drawn = rule_file(project.name, rules(measured, limits)), dashboard(project.name, panels(measured))
    count, pictures = len(made["groups"][0]["rules"]), len(drawn["panels"])
    if rules_file is not None:
        write_whole(rules_file, yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=1000))
        lines.append(f"wrote {rules_file}: {count} rules; name it under rule_files in prometheus.yml")
    if dashboard_file is not None:
        write_whole(dashboard_file, json.dumps(drawn, indent=2, ensure_ascii=False) + "\n")
        lines.append(f"wrote {dashboard_file}: {pictures} panels; import it in Grafana under Dashboards, New, Import")
    data = {
        "prometheus_rules": None if rules_file is None else {"file": str(rules_file), "rules": count},
        "grafana": None if dashboard_file is None else {"file": str(dashboard_file), "panels": pictures},
        "next": "loopline serve",
    }
    emit(data, "\n".join(lines) + hint("loopline serve"), as_json)
