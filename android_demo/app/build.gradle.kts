plugins {
    alias(libs.plugins.android.application)
}

android {
    namespace = "dev.edgekit.demo"
    compileSdk = libs.versions.compileSdk.get().toInt()

    defaultConfig {
        applicationId = "dev.edgekit.demo"
        minSdk = libs.versions.minSdk.get().toInt()
        targetSdk = libs.versions.targetSdk.get().toInt()
        versionCode = libs.versions.versionCode.get().toInt()
        versionName = libs.versions.versionName.get()
        ndk {
            abiFilters += "arm64-v8a"
        }
    }
    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"), "proguard-rules.pro")
            signingConfig = signingConfigs["debug"]
        }
    }
    // app/src/main/assets/model.ptl and model.sha256: see docs/android.md.
    androidResources {
        noCompress += "ptl"
    }
    packaging {
        jniLibs.useLegacyPackaging = false
        resources.excludes += "META-INF/{AL2.0,LGPL2.1,versions/**}"
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    testOptions.unitTests.isIncludeAndroidResources = true
    testOptions.unitTests.all { test ->
        test.dependsOn(":host-runtime:unpackAar")
        test.jvmArgs("--add-opens=java.base/java.io=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED")
        test.systemProperty("edgekit.conformance", rootDir.resolve("../tests/conformance").path)
        test.systemProperty("edgekit.jni", rootDir.resolve("host-runtime/build/aar/jni").path)
        test.systemProperty("edgekit.inputs", rootDir.resolve("../build/android/test").path)
        test.systemProperty("edgekit.screenshots", projectDir.resolve("screenshots").path)
    }
}

kotlin {
    compilerOptions {
        allWarningsAsErrors = true
    }
}

dependencies {
    implementation(project(":core"))
    implementation(project(":runtime-lite"))
    implementation(libs.coroutines.android)
    testImplementation(project(":host-runtime"))
    testImplementation(libs.junit)
    testImplementation(libs.kotlin.test)
    testImplementation(libs.robolectric)
    testImplementation(libs.androidx.test.monitor)
}
