# The C++ runner. Included by the Makefile at the top; `make help` lists these targets too.
#   TORCH_ROOT=DIR    a libtorch other than that of .venv
#   SECONDS=60        the time of each reader in `make fuzz`
SECONDS ?= 60
RUNNER_DEBIAN_PACKAGES := g++ cmake ninja-build pkg-config libcli11-dev nlohmann-json3-dev libgtest-dev libjpeg62-turbo-dev libpng-dev libssl-dev
FUZZ_DEBIAN_PACKAGES := clang libclang-rt-14-dev # clang 14 of Debian 12
LINT_CPP_DEBIAN_PACKAGES := clang-format clang-tidy
AARCH64_DEBIAN_PACKAGES := g++-aarch64-linux-gnu qemu-user zstd libjpeg62-turbo-dev:arm64 libpng-dev:arm64 libssl-dev:arm64 libgtest-dev:arm64 libstdc++6:arm64
CPP_SCRIPTS := cpp_runner/scripts

runner: $(READY) ## build the C++ runner
	@tools/system_deps.sh $(RUNNER_DEBIAN_PACKAGES)
	cmake -S cpp_runner --preset release -DPython3_EXECUTABLE=$(abspath $(PY)) -DEDGEKIT_TORCH_ROOT=$(TORCH_ROOT)
	cmake --build build/cpp/release

test-runner: runner $(DEV_READY) ## the runner's tests: core, C ABI, command line with real packages
	ctest --test-dir build/cpp/release --output-on-failure --no-tests=error --output-junit $(abspath build/logs/$@.ctest.xml)
	EDGEKIT_RUNNER=$(abspath build/cpp/release/cli/edgekit-runner) $(PYTEST) -m native -n 2 --dist loadfile

test-runner-core: ## the runner's core alone, without torch
	@tools/system_deps.sh $(RUNNER_DEBIAN_PACKAGES)
	cd cpp_runner && cmake --workflow --preset core

test-runner-asan: $(DEV_READY) ## the same under AddressSanitizer and UndefinedBehaviorSanitizer
	$(CPP_SCRIPTS)/test_asan.sh $(abspath $(PY))

test-runner-tsan: ## the core's tests under ThreadSanitizer
	@tools/system_deps.sh $(RUNNER_DEBIAN_PACKAGES)
	$(CPP_SCRIPTS)/test_tsan.sh

runner-aarch64: $(READY) ## cross-build the runner for 64-bit ARM boards: build/edgekit-aarch64.tar.zst
	@tools/system_deps.sh $(RUNNER_DEBIAN_PACKAGES) $(AARCH64_DEBIAN_PACKAGES)
	$(CPP_SCRIPTS)/build_aarch64.sh $(abspath $(PY)) "$(MODEL)"

test-aarch64: runner-aarch64 $(DEV_READY) ## its tests under qemu, as Cortex-A72 and Cortex-A53
	$(CPP_SCRIPTS)/test_aarch64.sh $(abspath $(PY))
	$(PYTEST) -m aarch64

fuzz: $(DEV_READY) ## libFuzzer on the readers of files, SECONDS=60 for each; figures into docs/reliability.md
	@tools/system_deps.sh $(RUNNER_DEBIAN_PACKAGES) $(FUZZ_DEBIAN_PACKAGES)
	cd cpp_runner && cmake --preset fuzz >/dev/null && cmake --build --preset fuzz
	$(PY) tools/fuzz.py --seconds $(SECONDS) --write

lint-cpp:
	@tools/system_deps.sh clang-format
	@$(CPP_SCRIPTS)/lint.sh

tidy: $(READY) ## clang-tidy over the runner, which takes minutes
	@tools/system_deps.sh $(RUNNER_DEBIAN_PACKAGES) $(LINT_CPP_DEBIAN_PACKAGES)
	cmake -S cpp_runner --preset tidy >/dev/null && cmake --build build/cpp/tidy

.PHONY: runner test-runner test-runner-core test-runner-asan test-runner-tsan runner-aarch64 test-aarch64 fuzz lint-cpp tidy
