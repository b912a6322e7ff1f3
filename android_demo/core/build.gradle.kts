import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    alias(libs.plugins.kotlin.jvm)
}

java {
    sourceCompatibility = JavaVersion.VERSION_17
    targetCompatibility = JavaVersion.VERSION_17
    withSourcesJar()
}

kotlin {
    compilerOptions {
        jvmTarget = JvmTarget.JVM_17
        allWarningsAsErrors = true
    }
}

dependencies {
    implementation(libs.bouncycastle)
    testImplementation(project(":host-runtime"))
    testImplementation(libs.junit)
    testImplementation(libs.kotlin.test)
}

tasks.test {
    systemProperty("edgekit.conformance", rootDir.resolve("../tests/conformance").path)
}
