plugins {
    alias(libs.plugins.android.library)
    alias(libs.plugins.kotlin.android)
}

android {
    namespace = "dev.edgekit.lite"
    compileSdk = libs.versions.compileSdk.get().toInt()

    defaultConfig {
        minSdk = libs.versions.minSdk.get().toInt()
    }
    sourceSets["main"].kotlin.srcDir("src/main/kotlin")
}

kotlin {
    jvmToolchain(17)
    compilerOptions.allWarningsAsErrors.set(true)
}

dependencies {
    api(project(":core"))
    implementation(libs.pytorch.lite)
    implementation(libs.fbjni)
    implementation(libs.nativeloader)
}
