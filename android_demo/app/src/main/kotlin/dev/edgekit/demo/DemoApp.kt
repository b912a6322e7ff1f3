package dev.edgekit.demo

import android.app.Application
import dev.edgekit.lite.LiteModelRuntime
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.MainScope

class DemoApp : Application() {
    /** Lives as long as the process, so the model and the results survive a rotation. */
    lateinit var controller: DemoController
        private set

    override fun onCreate() {
        super.onCreate()
        controller = DemoController(
            scope = MainScope(),
            worker = Dispatchers.Default.limitedParallelism(1),
            loader = LiteModelRuntime,
            models = ModelStore(this),
            photos = PhotoLoader(contentResolver),
        )
    }
}
