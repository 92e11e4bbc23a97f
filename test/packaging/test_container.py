"""The container and the workflows do what the README and the Makefile say."""

import re
from pathlib import Path

import pytest
import yaml

from mmseg_ros.cli import VERBS

ROOT = Path(__file__).parents[2]
DOCKERFILE = ' '.join((ROOT / 'docker' / 'Dockerfile').read_text().replace('\\\n', ' ').split())
MODELS = ('stitchfusion', 'geminifusion', 'mle_sam', 'crossvlt')


def install_steps():
    """Return the steps of the README's block, without what a container does otherwise."""
    text = (ROOT / 'README.md').read_text()
    section = text.partition('## On a ROS 2 system')[2]
    block = re.search(r'```bash\n(.*?)```', section, re.DOTALL)[1]
    lines = [line.partition(' #')[0].strip() for line in block.splitlines()]
    steps = [step.strip() for line in lines for step in line.split('&&')]
    assert steps[0] == '. /opt/ros/jazzy/setup.bash'
    otherwise = ('mkdir -p ~/ws/src', 'cd ', 'git clone ', 'ros2 launch ')  # COPY, WORKDIR, CMD
    return [step for step in steps if not step.startswith(otherwise)]


def test_the_dockerfile_runs_the_install_lines_of_the_readme_in_their_order():
    steps = install_steps()
    assert len(steps) >= 7
    place = 0
    for step in steps:
        found = DOCKERFILE.find(step, place)
        assert found >= 0, f'docker/Dockerfile lacks, or has elsewhere: {step}'
        place = found
    for package in ('ros-dev-tools', 'python3-venv'):
        assert package in DOCKERFILE
        assert package in (ROOT / 'README.md').read_text()


def test_the_view_of_the_compose_file_is_a_verb_and_listens_on_this_machine():
    services = yaml.safe_load((ROOT / 'docker' / 'compose.yaml').read_text())['services']
    words = services['view']['command'].split()
    assert words[:3] == ['python3', '-m', 'mmseg_ros']
    assert words[3] in VERBS
    assert '--host' not in words
    assert services['view']['image'] == services['node']['image']


@pytest.mark.parametrize('path', sorted((ROOT / '.github' / 'workflows').glob('*.yaml')), ids=str)
def test_a_workflow_says_that_it_was_not_run_and_names_targets_that_exist(path):
    assert '# Not run' in path.read_text().splitlines()[0]
    targets = re.findall(r'^(\w+):', (ROOT / 'Makefile').read_text(), re.MULTILINE)
    jobs = yaml.safe_load(path.read_text())['jobs']
    for job in jobs.values():
        for step in job['steps']:
            words = step.get('run', '').split()
            assert not words or (words[0] == 'make' and words[1] in targets)


def test_the_papers_of_the_four_networks_are_cited():
    cited = yaml.safe_load((ROOT / 'CITATION.cff').read_text())['references']
    numbers = {item['identifiers'][0]['value'].removeprefix('arXiv:') for item in cited}
    assert len(cited) == 4
    for model in MODELS:
        text = (ROOT / 'models' / model / 'README.md').read_text()
        number, title = re.search(r'arXiv\s+(\d{4}\.\d{5})', text)[1], ' '.join(text.split())
        assert number in numbers
        (item,) = (i for i in cited if i['identifiers'][0]['value'].endswith(number))
        assert item['title'] in title
