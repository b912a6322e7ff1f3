package dev.edgekit.core.format

import java.util.Base64
import org.bouncycastle.math.ec.rfc8032.Ed25519

/**
 * An Ed25519 public key that is trusted: see "Signature" in docs/format.md.
 *
 * The platform has Ed25519 only on newer devices, and under changing names, so Bouncy Castle checks signatures on all of them.
 */
class PublicKey private constructor(private val bytes: ByteArray) {
    /**
     * Checks that the owner of this key signed the manifest.
     *
     * @param record the key and the signature; null for a package without a signature
     * @throws PackageException where it is not so
     */
    internal fun requireSignature(record: ByteArray?, manifest: ByteArray, fileName: String) {
        if (record == null) {
            throw PackageException("$fileName is not signed; expected a signature by the key ${short(bytes)}. Get the signed package from who made it.")
        }
        val signer = record.copyOf(bytes.size)
        if (!signer.contentEquals(bytes)) {
            throw PackageException("$fileName is signed by the key ${short(signer)}; expected the key ${short(bytes)}. Get the package from the owner of that key.")
        }
        if (!Ed25519.verify(record, bytes.size, bytes, 0, manifest, 0, manifest.size)) {
            val what = "one of them was changed after signing, or is from another package"
            throw PackageException("$fileName: the signature does not fit the manifest; $what. Get the signed package again from who made it.")
        }
    }

    private fun short(key: ByteArray) = key.take(8).joinToString("", postfix = "…") { "%02x".format(it) }

    companion object {
        /** The length of the record: the public key, and the signature itself. */
        internal const val RECORD_BYTES = 96
        private const val MAKE = "Make it: openssl pkey -in key.pem -pubout -out public.pem"
        private val PEM = Regex("-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\\s]+)-----END PUBLIC KEY-----")

        /** What SubjectPublicKeyInfo has before the 32 bytes of an Ed25519 key. */
        private val HEADER = byteArrayOf(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00)

        /**
         * Reads the text of a PEM file (SubjectPublicKeyInfo).
         *
         * @throws InputException where it is not an Ed25519 public key
         */
        fun parse(pem: String): PublicKey {
            if ("PRIVATE KEY-----" in pem) {
                throw InputException("the public key is a private key; expected the public key that belongs to it. $MAKE")
            }
            val text = PEM.find(pem)?.groupValues?.get(1)?.filterNot { it.isWhitespace() }
                ?: throw InputException("the public key is not a public key in a PEM file. $MAKE")
            val der = try {
                Base64.getDecoder().decode(text)
            } catch (e: IllegalArgumentException) {
                throw InputException("the public key is not base64 (${e.message}). $MAKE", e)
            }
            if (der.size != HEADER.size + Ed25519.PUBLIC_KEY_SIZE || !der.copyOf(HEADER.size).contentEquals(HEADER)) {
                throw InputException("the public key is of another kind; expected Ed25519, the key of who signed the package.")
            }
            return PublicKey(der.copyOfRange(HEADER.size, der.size))
        }
    }
}
