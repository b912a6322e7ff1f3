plugins {
    alias(libs.plugins.android.library)
}

android {
    namespace = "dev.edgekit.lite"
    compileSdk = libs.versions.compileSdk.get().toInt()

    defaultConfig {
        minSdk = libs.versions.minSdk.get().toInt()
        consumerProguardFiles("src/main/resources/META-INF/proguard/edgekit-runtime-lite.pro")
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    testOptions.unitTests.all { test ->
        test.dependsOn(":host-runtime:unpackAar")
        test.systemProperty("edgekit.conformance", rootDir.resolve("../tests/conformance").path)
        test.systemProperty("edgekit.jni", rootDir.resolve("host-runtime/build/aar/jni").path)
        test.systemProperty("edgekit.inputs", rootDir.resolve("../build/android/test").path)
    }
}

kotlin {
    compilerOptions {
        allWarningsAsErrors = true
    }
}

dependencies {
    api(project(":core"))
    implementation(libs.pytorch.lite)
    implementation(libs.fbjni)
    implementation(libs.nativeloader)
    testImplementation(project(":host-runtime"))
    testImplementation(libs.junit)
    testImplementation(libs.kotlin.test)
}
