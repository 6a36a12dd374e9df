// node time_onnx.js MODEL.onnx MEL.f32 BANDS OUT.f32 THREADS REPEATS: prints the seconds that each repetition
// takes in ONNX Runtime, one a line, and writes what the model says. Finds onnxruntime-node by NODE_PATH.
const fs = require("fs");
const ort = require("onnxruntime-node");

async function main() {
  const [model, mel, bands, out, threads, repeats] = process.argv.slice(2);
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: Number(threads),
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
  });
  const bytes = fs.readFileSync(mel);
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const x = new ort.Tensor("float32", values, [1, Number(bands), values.length / Number(bands)]);
  let result;
  for (let i = 0; i <= Number(repeats); ++i) {
    const start = process.hrtime.bigint();
    result = await session.run({ [session.inputNames[0]]: x });
    const seconds = Number(process.hrtime.bigint() - start) * 1e-9;
    if (i > 0) console.log(seconds.toFixed(6)); // the first one allocates
  }
  const y = result[session.outputNames[0]].data;
  fs.writeFileSync(out, Buffer.from(y.buffer, y.byteOffset, y.byteLength));
}

main().catch((error) => {
  console.error(String(error));
  process.exit(1);
});
