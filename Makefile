# `make demo` and `make test` do everything on a machine with Python 3.11, venv, pip, make and gcc.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TORCH := $(VENV)/torch
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
EXTRAS := runtime,report,view,sim,datasets,events,train,tensorboard,ros-pip,test,dev
HASHES ?= yes

.PHONY: demo test test-vehicle test-boundscheck test-tensorrt test-fleet test-gpu fuzz soak sbom pins lint colcon setup clean

demo: setup
	$(BIN)/python -m mmseg_ros demo

test: setup
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

# Every index of every compiled loop is checked; numba keeps such code apart, so it has its own cache.
test-boundscheck: setup
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=out/numba-boundscheck $(BIN)/python -m pytest

# On what package.xml and the README install, and no more: numpy, OpenCV and setuptools of Ubuntu
# 24.04, Python 3.12 if there is one. colcon builds it, the installed executable runs.
test-vehicle: setup
	$(BIN)/python test/vehicle/check.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

# Real engines of TensorRT-RTX, which parses and builds without a GPU: a download of 97 MB under
# NVIDIA's licence, and some minutes of building.
test-tensorrt: setup
	$(PIP) install --constraint constraints.in --editable '.[tensorrt-rtx]'
	$(BIN)/python -m pytest --durations=0 test/models/export/test_tensorrt.py \
		test/inference/test_tensorrt_build.py test/inference/test_tensorrt_cache.py

# Ray (79 MB, 240 MB installed): a cluster of two nodes on this machine, one worker of it killed.
test-fleet: setup
	$(PIP) install --constraint constraints.in --editable '.[fleet]'
	$(BIN)/python -m pytest --durations=0 test/commands/test_fleet.py

# On a machine with an NVIDIA GPU: the tests marked gpu, then the table.
test-gpu: setup
	$(PIP) install --constraint constraints.in --editable '.[gpu,tensorrt-rtx]'
	$(BIN)/python test/benchmarks/bench_gpu.py

# Damaged inputs to every reader, and the live node under faults; both end with a table.
SECONDS ?= 60

fuzz: setup
	$(BIN)/python test/fuzz/fuzz.py $(SECONDS)

soak: setup
	ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST $(BIN)/python test/soak/soak.py $(SECONDS)

# What is installed, as a bill of materials in CycloneDX; the tool stays out of what it describes.
sbom: setup
	$(PYTHON) -m venv $(VENV)-sbom
	$(VENV)-sbom/bin/python -m pip --disable-pip-version-check --quiet install cyclonedx-bom==7.5.0
	@mkdir -p out
	$(VENV)-sbom/bin/cyclonedx-py environment --no-validate --output-reproducible --of JSON \
		-o out/sbom.cdx.json $(BIN)/python

# What a ROS user does, with colcon from PyPI; the tests of the node's parts that need no other process.
colcon: setup
	rm -rf build install log
	$(BIN)/colcon build
	$(BIN)/colcon test --pytest-args ' --ignore=test/models' -m 'not ros and not slow'
	$(BIN)/colcon test-result --verbose

setup: $(READY)

# Every file that is installed must have a hash of constraints.txt. torch goes in first and by
# itself, in the build that pip chooses without hashes, for of the others some need gigabytes of
# CUDA; what such a build lacks comes last. `make setup HASHES=no`, for another Python or platform,
# takes the versions of constraints.in.
$(READY): constraints.in constraints.txt setup.py pyproject.toml
	@echo 'Setting up $(VENV) (about four minutes on two cores) ...'
	$(PYTHON) -m venv $(VENV)
ifeq ($(HASHES),no)
	$(PIP) install --constraint constraints.in torch
	$(PIP) install --constraint constraints.in --editable '.[$(EXTRAS)]'
else
	$(PIP) download --no-deps --dest $(TORCH) --constraint constraints.in torch
	sed -n '/^torch==/,/[^\\]$$/p' constraints.txt > $(TORCH)/torch.txt
	$(PIP) install --require-hashes --no-deps --no-index --find-links $(TORCH) -r $(TORCH)/torch.txt
	rm -r $(TORCH)
	$(PIP) install --require-hashes --no-deps --requirement constraints.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	$(PIP) install --constraint constraints.in torch
	$(PIP) check
endif
	@touch $(READY)

# After a change of constraints.in or of the extras: constraints.txt again. WHEELS are folders of
# wheels that no index has.
pins:
	$(PYTHON) -m venv $(VENV)-pins
	$(VENV)-pins/bin/python -m pip --disable-pip-version-check --quiet install uv==0.13.9
	$(VENV)-pins/bin/python .ci/pins.py $(EXTRAS) $(WHEELS)

clean:
	rm -rf $(VENV) $(VENV)-sbom $(VENV)-pins build install log out runs
