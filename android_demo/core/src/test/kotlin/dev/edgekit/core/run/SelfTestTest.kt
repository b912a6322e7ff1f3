package dev.edgekit.core.run

import dev.edgekit.core.format.DType
import dev.edgekit.core.format.Json
import dev.edgekit.core.format.ModelException
import dev.edgekit.core.format.ModelPackage
import dev.edgekit.core.format.Outputs
import dev.edgekit.core.format.PackageException
import dev.edgekit.core.format.Reason
import dev.edgekit.core.format.Tensor
import dev.edgekit.core.format.TinyPackage
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue
import org.junit.Rule
import org.junit.rules.TemporaryFolder

class SelfTestTest {
    @get:Rule
    val folder = TemporaryFolder()
    private val model by lazy { ModelPackage.open(TinyPackage.write(folder.root.resolve("tiny.ptl"))) }

    @Test
    fun selfTest_theRecordedAnswers_pass() {
        val report = selfTest(model, answering(floatArrayOf(0.25f, 0.5f)), mapOf("device" to "test"))
        assertTrue(report.passed)
        val result = Json.parse(report.toJson(), "report")["results"].items().single()
        assertEquals(listOf("case", "output", "passed", "reason", "norm_error", "max_error", "cosine", "top1", "worst_index", "expected", "actual"), result.fields().keys.toList())
        assertEquals(0.0, result["norm_error"].double())
    }

    @Test
    fun selfTest_anUnprovenOutput_neverPasses() {
        val method = TinyPackage.METHOD.replace("varies", "unproven")
        val manifest = TinyPackage.manifest(TinyPackage.digests(TinyPackage.records), method = method)
        val unproven = ModelPackage.open(TinyPackage.write(folder.root.resolve("unproven.ptl"), manifest = manifest))
        val report = selfTest(unproven, answering(floatArrayOf(0.25f, 0.5f)))
        assertNull(report.firstFailure)
        assertFalse(report.passed)
        val context = Json.parse(report.toJson(), "report")["context"]
        assertEquals(listOf("forward: 0"), context["unproven"].items().map { it.text() })
        assertFalse(context["passed"].boolean())
    }

    @Test
    fun selfTest_casesThatCannotFail_areAnError() {
        val golden = TinyPackage.GOLDEN.replace("\"method\"", "\"tolerance\": {\"max\": 0.01}, \"method\"")
        val records = TinyPackage.records + ("extra/edgekit/golden.json" to golden.encodeToByteArray())
        val loose = ModelPackage.open(TinyPackage.write(folder.root.resolve("loose.ptl"), records))
        val error = assertFailsWith<PackageException> { selfTest(loose, answering(floatArrayOf(0.25f, 0.5f))) }
        assertContains(error.message!!, "not marked as loosened")
    }

    @Test
    fun selfTest_otherAnswers_failAndNameTheCase() {
        val report = selfTest(model, answering(floatArrayOf(0.25f, 0.6f)))
        assertFalse(report.passed)
        assertEquals("forward: seed 1", report.firstFailure?.case)
        assertEquals(Reason.NORM, report.firstFailure?.comparison?.reason)
    }

    @Test
    fun selfTest_aCaseWithBoundsOfItsOwn_isJudgedByThem() {
        val own = """"tolerance": {"norm": 0.5, "max": 0.5, "loosened": true}, "method""""
        val golden = TinyPackage.GOLDEN.replace("\"method\"", own)
        val records = TinyPackage.records + ("extra/edgekit/golden.json" to golden.encodeToByteArray())
        val loose = ModelPackage.open(TinyPackage.write(folder.root.resolve("loose.ptl"), records))
        assertTrue(selfTest(loose, answering(floatArrayOf(0.25f, 0.6f))).passed)
        assertFalse(selfTest(loose, answering(floatArrayOf(0.25f, 1.6f))).passed)
    }

    @Test
    fun selfTest_whatIsNotFinite_failsAndIsSpelledAsInPython() {
        for ((value, word) in mapOf(Float.NaN to "nan", Float.POSITIVE_INFINITY to "inf", Float.NEGATIVE_INFINITY to "-inf")) {
            val report = selfTest(model, answering(floatArrayOf(0.25f, value)))
            assertFalse(report.passed)
            assertEquals(word, Json.parse(report.toJson(), "report")["results"].items().single()["actual"].text())
        }
    }

    @Test
    fun selfTest_anotherStructure_fails() {
        val report = selfTest(model, answering(floatArrayOf(0.25f, 0.5f), structure = "(*,)"))
        assertEquals(Reason.STRUCTURE, report.firstFailure?.comparison?.reason)
    }

    @Test
    fun selfTest_aRuntimeThatThrows_isAFailureOfTheCase() {
        val report = selfTest(model, Scripted { throw ModelException("no such operator") })
        assertEquals(Reason.ERROR, report.firstFailure?.comparison?.reason)
        assertContains(report.toJson(), "no such operator")
    }

    @Test
    fun benchmark_countsTheFirstRunApart() {
        var runs = 0
        val runtime = Scripted { Outputs("*", emptyMap()).also { runs++ } }
        val measured = benchmark(runtime, "forward", emptyList(), BenchmarkPlan(iterations = 5, warmup = 2))
        assertEquals(5, measured.samplesMs.size)
        assertEquals(1 + 2 + 5, runs)
    }

    @Test
    fun benchmark_goesOnUntilTheTimeIsOver() {
        val runtime = Scripted { Outputs("*", emptyMap()).also { Thread.sleep(1) } }
        val measured = benchmark(runtime, "forward", emptyList(), BenchmarkPlan(iterations = 1, minSeconds = 0.02))
        assertTrue(measured.samplesMs.size > 1)
        assertTrue(measured.samplesMs.sum() > 10)
    }

    @Test
    fun firstRunTimer_keepsTheFirstRunAlone() {
        val runtime = FirstRunTimer(Scripted { Outputs("*", emptyMap()) })
        assertNull(runtime.firstMs)
        runtime.run("forward", emptyList())
        val first = runtime.firstMs
        runtime.run("predict", emptyList())
        assertEquals(assertNotNull(first), runtime.firstMs)
    }

    private fun answering(values: FloatArray, structure: String = "*") = Scripted {
        Outputs(structure, mapOf("0" to Tensor.allocate(DType.FLOAT32, listOf(values.size)).apply { floats().put(values) }))
    }

    /** A runtime with known answers, for tests of the verdict on them. */
    private class Scripted(private val answer: () -> Outputs) : ModelRuntime {
        override val extraFiles = emptyMap<String, String>()

        override fun run(method: String, inputs: List<Tensor>) = answer()

        override fun setThreads(count: Int) = Unit

        override fun close() = Unit
    }
}
