# The Android demo app: an APK and its tests, without Android Studio. Included by the Makefile at the top.
#   MODEL=efficientnet_lite0   the model in the APK: any source that `edgekit export` takes
#   KEY=key.pem PUBLIC_KEY=public.pem   sign the model; the app refuses models without this signature
#   ABIS=arm64-v8a             also armeabi-v7a, x86, x86_64; comma-separated
ABIS ?= arm64-v8a
ANDROID_MODEL := $(if $(filter command line environment,$(origin MODEL)),$(MODEL),efficientnet_lite0)
# The name of a file's factory has slashes and colons, which are not allowed in the name of a package.
ANDROID_NAME := $(shell printf %s "$(ANDROID_MODEL)" | tr -c 'A-Za-z0-9._-' _)
ANDROID_PTL := build/mobile/$(ANDROID_NAME)/$(ANDROID_NAME).ptl
ANDROID_SIGN := $(if $(KEY),&& $(PY) -m edgekit sign $(ANDROID_PTL) --key $(KEY)) \
	$(if $(PUBLIC_KEY),&& $(PY) -m edgekit inspect $(ANDROID_PTL) --public-key $(PUBLIC_KEY) > build/android/signature.log)
ANDROID_APK := build/android/edgekit-demo.apk
ANDROID_TEST_INPUTS := build/android/test
ANDROID_MVN := mvn -B -ntp -q -Dstyle.color=never -f android_demo/pom.xml
ANDROID_QUIET := python3 android_demo/tools/quiet.py
ANDROID_DEBIAN_PACKAGES := openjdk-17-jdk-headless maven gcc libc6-dev aapt zipalign apksigner dexdump
ANDROID_ARM64_DEBIAN_PACKAGES := qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross

android-deps: ## the Debian packages of the Android targets
	@tools/system_deps.sh $(ANDROID_DEBIAN_PACKAGES)

android-apk: $(READY) android-deps ## build build/android/edgekit-demo.apk with MODEL in it
	@$(ANDROID_QUIET) build/android/export.log $(PY) -m edgekit export "$(ANDROID_MODEL)" -o $(ANDROID_PTL) $(ARGS) $(ANDROID_SIGN)
	@$(ANDROID_QUIET) build/android/apk.log $(ANDROID_MVN) package -Papk -DskipTests -Dmodel=$(abspath $(ANDROID_PTL)) -Dabis=$(ABIS) -Dapk=$(abspath $(ANDROID_APK)) $(if $(PUBLIC_KEY),-Dpublic.key=$(abspath $(PUBLIC_KEY)))
	@$(PY) android_demo/tools/check_apk.py $(ANDROID_APK) --model $(ANDROID_PTL) --abis $(ABIS)

android-test-inputs: $(ANDROID_TEST_INPUTS)/fitted.json

$(ANDROID_TEST_INPUTS)/fitted.json: android_demo/tools/make_test_inputs.py | $(DEV_READY)
	@OMP_NUM_THREADS=1 ATEN_CPU_CAPABILITY=default $(PY) $< --out $(@D)

android-runtime: $(READY) android-deps ## build the runtime of `edgekit verify --runtime android`
	@$(ANDROID_QUIET) build/android/runtime.log $(ANDROID_MVN) package -DskipTests -pl core,aars,host-runtime,runtime-lite,host-cli

android-runtime-arm64: android-runtime ## the same for `--runtime android-arm64`, under qemu: slow
	@tools/system_deps.sh $(ANDROID_ARM64_DEBIAN_PACKAGES) && android_demo/tools/arm64_java.sh build/android/arm64
	java -cp 'android_demo/host-cli/target/lib/*' dev.edgekit.hostcli.MainKt prepare \
		android_demo/aars/target/aar/jni/arm64-v8a build/android/arm64/host aarch64-linux-gnu-gcc

android-install: android-deps ## install core and runtime-lite into the local Maven repository, or into MVN_REPO=FOLDER
	@$(ANDROID_QUIET) build/android/install.log $(ANDROID_MVN) install -Dmaven.test.skip -pl core,runtime-lite -am $(if $(MVN_REPO),-Dmaven.repo.local=$(abspath $(MVN_REPO)))

test-android-core: android-deps ## JUnit over the Kotlin core alone, without torch
	@$(ANDROID_QUIET) --junit android_demo build/android/test-core.log $(ANDROID_MVN) test -pl core -am

test-android: android-test-inputs android-deps ## JUnit, Robolectric with screenshots, and the checks of the APK
	@$(ANDROID_QUIET) --junit android_demo build/android/test.log $(ANDROID_MVN) package
	@$(PYTEST) -m android

.PHONY: android-deps android-apk android-test-inputs android-install android-runtime android-runtime-arm64 test-android test-android-core
