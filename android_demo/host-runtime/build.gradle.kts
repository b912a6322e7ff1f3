import org.jetbrains.kotlin.gradle.dsl.JvmTarget

// For tests only: Android's own library in the JVM of the build machine.
plugins {
    alias(libs.plugins.kotlin.jvm)
}

java {
    sourceCompatibility = JavaVersion.VERSION_17
    targetCompatibility = JavaVersion.VERSION_17
}

kotlin {
    compilerOptions {
        jvmTarget = JvmTarget.JVM_17
        allWarningsAsErrors = true
    }
}

sourceSets.main {
    resources.srcDir("src/main/c")
}

// The AAR as a file, from which the libraries are copied.
val aar = configurations.create("aar") {
    isCanBeConsumed = false
    isTransitive = false
    attributes.attribute(Usage.USAGE_ATTRIBUTE, objects.named(Usage.JAVA_RUNTIME))
}

dependencies {
    implementation(libs.nativeloader)
    addProvider(aar.name, variantOf(libs.pytorch.lite) { artifactType("aar") })
}

// The libraries of every ABI, which the tests of app and runtime-lite find by the property edgekit.jni.
tasks.register<Copy>("unpackAar") {
    from({ aar.map(::zipTree) }) {
        include("jni/**")
    }
    into(layout.buildDirectory.dir("aar"))
}
