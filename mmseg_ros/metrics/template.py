"""The page of a report, for Jinja2."""

from __future__ import annotations

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ report.title }}</title>
<style>
:root { color-scheme: light; --ink: #1c2430; --soft: #5b6675; --line: #dfe3e8; --mark: #2563a8; }
* { box-sizing: border-box; }
body { margin: 0; background: #f4f6f8; color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { margin: 0 0 4px; font-size: 26px; }
h2 { margin: 0 0 6px; font-size: 18px; }
.summary { margin: 0 0 18px; color: var(--soft); max-width: 75ch; }
.keys { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px; }
.key { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; }
.key b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; }
.key span { color: var(--soft); font-size: 13px; }
section { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 18px 20px;
  margin-top: 18px; }
section > p { margin: 0 0 10px; max-width: 80ch; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
th { text-align: right; border-bottom: 2px solid var(--line); padding: 4px 12px 4px 0; }
td { text-align: right; border-bottom: 1px solid var(--line); padding: 4px 12px 4px 0; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 14px 0 4px; }
figcaption { color: var(--soft); font-size: 13px; margin-top: 6px; max-width: 95ch; }
.pictures { display: grid; gap: 10px;
  grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); }
.pictures.single { grid-template-columns: 1fr; }
.pictures div > span { display: block; font-size: 13px; color: var(--soft); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 14px; margin: 4px 0; font-size: 13px; }
.pictures .legend span { display: inline-flex; align-items: center; gap: 6px; color: var(--ink); }
.legend i { width: 13px; height: 13px; border-radius: 3px; }
.pictures img, .pictures svg { display: block; width: 100%; height: auto; border-radius: 4px; }
</style>
</head>
<body>
<main>
<h1>{{ report.title }}</h1>
<p class="summary">{{ report.summary }}</p>
<div class="keys">
{% for name, value in report.key_figures %}
<div class="key"><b>{{ value }}</b><span>{{ name }}</span></div>
{% endfor %}
</div>
{% for section in report.sections %}
<section>
<h2>{{ section.title }}</h2>
{% if section.text %}<p>{{ section.text }}</p>{% endif %}
{% for block in section.blocks %}
<figure>
{% if block.header is defined %}
<div class="scroll"><table>
<thead><tr>{% for cell in block.header %}<th>{{ cell }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in block.rows %}
<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
</table></div>
{% else %}
<div class="pictures{{ ' single' if block.pictures | length == 1 }}">
{% for label, html in block.pictures %}
<div>{% if label %}<span>{{ label }}</span>{% endif %}{{ html }}</div>
{% endfor %}
</div>
{% endif %}
<figcaption>{{ block.caption }}</figcaption>
</figure>
{% endfor %}
</section>
{% endfor %}
</main>
</body>
</html>
"""
