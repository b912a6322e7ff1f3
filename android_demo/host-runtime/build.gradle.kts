// For tests alone: Android's own library in the JVM of the build machine.
plugins {
    alias(libs.plugins.kotlin.jvm)
}

kotlin {
    jvmToolchain(17)
    compilerOptions.allWarningsAsErrors.set(true)
}

sourceSets.main {
    resources.srcDir("src/main/c")
}

dependencies {
    implementation(libs.nativeloader)
}
