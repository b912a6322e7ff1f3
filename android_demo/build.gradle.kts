// The Android plugin compiles Kotlin by itself; with this plugin beside it on the class path, by the version of the catalog.
plugins {
    alias(libs.plugins.android.application) apply false
    alias(libs.plugins.android.library) apply false
    alias(libs.plugins.kotlin.jvm) apply false
}
