import dev.edgekit.host.HostRuntime;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.pytorch.Device;
import org.pytorch.LiteModuleLoader;

/** Loads every file of a list in Android's runtime on this machine; see operator_tables.py. */
class OperatorProbe {
    /** Arguments: the AAR's jni folder, a folder for copies of the libraries, and the list. Prints one line for each file. */
    public static void main(String[] arguments) throws Exception {
        HostRuntime.INSTANCE.install(Path.of(arguments[0]), Path.of(arguments[1]));
        List<String> files = Files.readAllLines(Path.of(arguments[2]));
        for (String file : files) {
            String refusal = "";
            try {
                LiteModuleLoader.load(file, null, Device.CPU).destroy();
            } catch (RuntimeException error) {
                refusal = String.valueOf(error.getMessage()).lines().findFirst().orElse("no reason");
            }
            System.out.println("probe: " + refusal);
        }
        System.out.flush();
        Runtime.getRuntime().halt(0); // PyTorch's Java library keeps a non-daemon thread running
    }
}
