package dev.edgekit.hostcli

import dev.edgekit.core.format.DType
import dev.edgekit.core.format.Json
import dev.edgekit.core.format.Npy
import dev.edgekit.core.format.Tensor
import dev.edgekit.host.HostRuntime
import dev.edgekit.host.PackageEditor
import java.awt.image.BufferedImage
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.PrintStream
import javax.imageio.ImageIO
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import org.junit.Assume.assumeTrue
import org.junit.Before
import org.junit.Rule
import org.junit.rules.TemporaryFolder

/** The verbs in this process, without the start of a JVM for each. */
class MainTest {
    @get:Rule
    val folder = TemporaryFolder()
    private val model = File(property("edgekit.inputs"), "model.ptl")
    private val segmenter = File(property("edgekit.inputs"), "segmenter.ptl")

    @Before
    fun needsAndroidsLibrary() = assumeTrue(HostRuntime.unsupportedReason().orEmpty(), HostRuntime.unsupportedReason() == null)

    @Test
    fun execute_mistakesOfTheUser_endWith2AndTheReason() {
        val good = npy("good.npy", 0f)
        val nan = npy("nan.npy", Float.NaN)
        val flat = npy("flat.npy", 0f, listOf(1, 2))
        val out = listOf("-o", "${folder.root}/y.npy")
        val mistakes = mapOf(
            "the verb is selftest" to listOf("selftest"),
            "the option --nope is unknown" to listOf("verify", "--nope", "1"),
            "the option --topk has no value" to listOf("run", "--topk"),
            "--topk is 0" to listOf("run", "--topk", "0", "x.png"),
            "--iterations is x" to listOf("bench", "--iterations", "x"),
            "--min-seconds is nan" to listOf("bench", "--min-seconds", "nan"),
            "no golden case for method 'nope'" to listOf("bench", "--method", "nope"),
            "-o is missing" to listOf("run", "--input", good),
            "has no method 'nope'" to listOf("run", "--method", "nope", "--input", good) + out,
            "got 0 inputs; expected 1" to listOf("run") + out,
            "is float32 [1, 2]; expected x: float32 [" to listOf("run", "--input", flat) + out,
            "exclude each other" to listOf("run", "--input", good, "x.png") + out,
            "NaN or infinite" to listOf("run", "--input", nan) + out,
            "--input names [nope]" to listOf("run", "--input", "nope=$good") + out,
            "gone.npy cannot be read" to listOf("run", "--input", "${folder.root}/gone.npy") + out,
            "cannot be written" to listOf("run", "--input", good, "-o", "${folder.root}/gone/y.npy"),
        )
        for ((reason, words) in mistakes) {
            val (code, stdout, stderr) = call(words)
            assertEquals(2 to "", code to stdout, reason)
            assertContains(stderr, reason)
            assertEquals(1, stderr.trim().lines().size, stderr)
        }
        assertEquals(listOf("flat.npy", "good.npy", "nan.npy"), folder.root.list()?.sorted())
    }

    @Test
    fun execute_badPictures_doNotStopTheOthers() {
        val gone = folder.root.resolve("gone.png")
        assertEquals(2, call(listOf("run", gone.path)).first) // It loads Android's library, which must come before Java's own for pictures.
        val picture = folder.root.resolve("small.png")
        ImageIO.write(BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB), "png", picture)
        val thin = folder.root.resolve("thin.png")
        ImageIO.write(BufferedImage(1, 30_000, BufferedImage.TYPE_INT_RGB), "png", thin)
        val text = folder.newFile("text.png")
        val (code, stdout, stderr) = call(listOf("run") + listOf(gone, text, picture, thin).map { it.path })
        assertEquals(2, code)
        val rows = Json.parse(stdout, "stdout")["results"].items()
        assertEquals(listOf(gone, text, picture, thin).map { it.path }, rows.map { it["file"].text() })
        assertEquals(listOf(0, 0, 5, 0), rows.map { it["labels"].items().size })
        for (reason in listOf("gone.png cannot be read", "is not a picture that Java decodes", "which predict resizes to")) {
            assertContains(stderr, reason)
        }
    }

    @Test
    fun execute_picturesOfASegmenter_writeTheirFiles() {
        assertEquals(0, call(listOf("verify"), segmenter).first) // Android's library comes before Java's own for pictures.
        val pictures = listOf("a.png", "b c.png").map { folder.root.resolve(it) }
        pictures.forEach { ImageIO.write(BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB), "png", it) }
        val words = listOf("-o", "${folder.root}/m.png", "--overlay", "${folder.root}/o.PNG", "--topk", "1")
        val (code, stdout, _) = call(listOf("run") + pictures.map { it.path } + words, segmenter)
        assertEquals(0, code)
        val rows = Json.parse(stdout, "stdout")["results"].items()
        assertEquals(listOf(1, 1), rows.map { it["labels"].items().size })
        assertEquals(listOf("m.a.png", "m.b_c.png"), rows.map { File(it["mask"].text()).name })
        assertEquals(listOf("o.a.PNG", "o.b_c.PNG"), rows.map { File(it["overlay"].text()).name })
        val mask = ImageIO.read(File(rows[0]["mask"].text()))
        assertEquals(listOf(40, 30, BufferedImage.TYPE_BYTE_INDEXED), listOf(mask.width, mask.height, mask.type))
        assertEquals(pictures.size * 3, folder.root.list()?.size)
    }

    @Test
    fun execute_maskFilesThatItMustNotWrite_endWith2AndWriteNothing() {
        val pictures = listOf("a.png", "sub/a.png").map { folder.root.resolve(it).apply { parentFile.mkdirs() } }
        pictures.forEach { ImageIO.write(BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB), "png", it) }
        val (first, second) = pictures.map { it.path }
        val before = pictures[0].readBytes()
        val (good, other) = "${folder.root}/m.png" to PackageEditor.withManifest(segmenter, folder.root.resolve("other.ptl")) {
            it.replace(Regex("\"task\": *\"mask\""), "\"task\": \"depth\"")
        }
        val mistakes = listOf(
            "expected a name that ends in .png" to (segmenter to listOf(first, "-o", "${folder.root}/m.npy")),
            "is read by this run" to (segmenter to listOf(first, "-o", first)),
            "would be written twice" to (segmenter to listOf(first, "-o", good, "--overlay", good)),
            "would be written twice" to (segmenter to listOf(first, second, "-o", good)),
            "--overlay is for pictures" to (segmenter to listOf("--overlay", good)),
            "gives labels for pictures, not masks" to (model to listOf(first, "-o", good)),
            "gives labels for pictures, not masks" to (model to listOf(first, "--overlay", good)),
            "gives 'depth'; this version knows labels and mask" to (other to listOf(first, "-o", good)),
            "cannot be written" to (segmenter to listOf(first, "-o", "${folder.root}/gone/m.png")),
        )
        for ((reason, run) in mistakes) {
            val (code, stdout, stderr) = call(listOf("run") + run.second, run.first)
            assertEquals(2 to "", code to stdout, reason)
            assertContains(stderr, reason)
        }
        assertEquals(before.toList(), pictures[0].readBytes().toList())
        assertEquals(listOf("a.png", "other.ptl", "sub"), folder.root.list()?.sorted())
    }

    @Test
    fun execute_whatIsNotAPackage_endsWith3() = assertEquals(3, call(listOf("verify"), folder.newFile("x.ptl")).first)

    @Test
    fun execute_aNameThatControlsTheTerminal_isEscaped() {
        val stderr = call(listOf("verify"), folder.root.resolve("x\u001b[2J.ptl")).third
        assertContains(stderr, "x\\u001b[2J.ptl is not a file")
    }

    @Test
    fun execute_withoutAPackage_namesIt() = assertContains(call(listOf("verify"), null).third, "X.ptl is missing")

    @Test
    fun execute_verify_printsOneDocument() {
        val (code, stdout, _) = call(listOf("verify"))
        assertEquals(0, code)
        assertEquals("android", Json.parse(stdout, "stdout")["context"]["runtime"].text())
    }

    @Test
    fun execute_verifyOfAnUnprovenOutput_endsWith1AndNamesIt() {
        val unproven = PackageEditor.withUnprovenOutput(model, folder.root.resolve("unproven.ptl"))
        val (code, stdout, stderr) = call(listOf("verify"), unproven)
        assertEquals(1, code)
        assertContains(stderr, "UNPROVEN: forward: 0.")
        val context = Json.parse(stdout, "stdout")["context"]
        assertEquals(listOf("forward: 0"), context["unproven"].items().map { it.text() })
    }

    @Test
    fun execute_anotherQuantizedEngine_endsWith3AndNamesBoth() {
        val other = PackageEditor.withQuantizedEngine(model, folder.root.resolve("other.ptl"), "fbgemm")
        val (code, _, stderr) = call(listOf("verify"), other)
        assertEquals(3, code)
        assertContains(stderr, "quantized weights for the engine fbgemm; PyTorch for Android has qnnpack alone")
    }

    @Test
    fun outputFiles_ofAFileOrAFolder_haveTheirOwnNames() {
        val (file, names) = folder.root.resolve("y.npy") to setOf("0", "a/b")
        assertEquals(mapOf("0" to file), outputFiles(file, setOf("0")))
        assertEquals(listOf("y.0.npy", "y.a_b.npy"), outputFiles(file, names).values.map { it.name })
        assertEquals(listOf("0.npy", "a_b.npy"), outputFiles(folder.root, names).values.map { it.relativeTo(folder.root).path })
        assertFailsWith<UsageException> { outputFiles(file, setOf("a/b", "a_b")) }
    }

    /** The exit code, stdout and stderr of a verb on a package. */
    private fun call(words: List<String>, file: File? = model): Triple<Int, String, String> {
        val streams = List(2) { ByteArrayOutputStream() }
        val (stdout, stderr) = System.out to System.err
        System.setOut(PrintStream(streams[0], true))
        System.setErr(PrintStream(streams[1], true))
        try {
            val positional = listOfNotNull(property("edgekit.jni"), "target/host", file?.path)
            val code = execute(words.take(1) + positional + words.drop(1))
            return Triple(code, streams[0].toString(), streams[1].toString())
        } finally {
            System.setOut(stdout)
            System.setErr(stderr)
        }
    }

    private fun npy(name: String, value: Float, shape: List<Int> = listOf(1, 3, 224, 224)): String {
        val tensor = Tensor.allocate(DType.FLOAT32, shape)
        tensor.floats().let { while (it.hasRemaining()) it.put(value) }
        return folder.root.resolve(name).also { Npy.write(it, tensor) }.path
    }

    private companion object {
        fun property(name: String): String = checkNotNull(System.getProperty(name)) { "set -D$name" }
    }
}
