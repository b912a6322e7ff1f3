plugins {
    alias(libs.plugins.kotlin.jvm)
}

kotlin {
    jvmToolchain(17)
    compilerOptions.allWarningsAsErrors.set(true)
}

dependencies {
    testImplementation(project(":host-runtime"))
    testImplementation(libs.junit)
    testImplementation(libs.kotlin.test)
}

tasks.test {
    systemProperty("edgekit.conformance", rootDir.resolve("../tests/conformance").path)
}
