// Every kernel as a function of (table, n): odd sizes derived from n, seeded inputs, all outputs in one
// array. Whoever compares two tables runs these. Nothing is checked here.

import CKernels

struct KernelRun<R: KernelElement>: Sendable {
  let name: String
  let run: @Sendable (ck_kernels, Int) -> [R]
}

enum KernelRuns<R: KernelElement> {
  static var all: [KernelRun<R>] {
    [
      KernelRun(name: "product", run: product), KernelRun(name: "norm", run: norm),
      KernelRun(name: "affine", run: affine), KernelRun(name: "elementwise", run: elementwise),
      KernelRun(name: "activation", run: activation), KernelRun(name: "function", run: function),
      KernelRun(name: "rotary", run: rotary), KernelRun(name: "attention", run: attention),
      KernelRun(name: "attention_backward", run: attentionBackward),
      KernelRun(name: "linear_attention", run: linearAttention),
      KernelRun(name: "linear_attention_backward", run: linearAttentionBackward),
      KernelRun(name: "gated_attention", run: gatedAttention),
      KernelRun(name: "loss", run: loss), KernelRun(name: "optimisers", run: optimisers),
    ]
  }

  static func packed(
    _ b: [R], depth: Int, columns: Int, dtype: ck_dtype = R.dtype, transposed: Bool = true
  ) -> [UInt8] {
    let size = ck_dtype_size(dtype)
    var source = [UInt8](repeating: 0, count: depth * columns * size)
    ck_convert(b.count, b, R.dtype, &source, dtype)
    let panels = (columns + 31) / 32
    var result = [UInt8](repeating: 0xff, count: panels * depth * 32 * size)
    ck_pack(
      depth, columns, source, dtype, transposed ? 1 : columns, transposed ? depth : 1, 0, panels,
      &result)
    return result
  }

  @Sendable static func product(_ t: ck_kernels, _ n: Int) -> [R] {
    var draws = Draws(n)
    let (rows, depth, columns) = (1 + n % 31, n * 7 % 811, 1 + n * 13 % 90)
    let a: [R] = draws.values(rows * depth)
    let b: [R] = draws.values(depth * columns)
    let bias: [R] = draws.values(columns)
    var results: [R] = []
    for dtype in [R.dtype, CK_F32, CK_BF16, CK_F16] {
      let panels = packed(b, depth: depth, columns: columns, dtype: dtype)
      var out: [R] = draws.values(rows * columns)
      t.product?(
        rows, depth, columns, a, depth, 1, panels, dtype, 0, (columns + 31) / 32,
        n % 3 == 0 ? nil : bias, &out, columns, n % 2 == 1)
      results += out
    }
    return results
  }

  @Sendable static func norm(_ t: ck_kernels, _ n: Int) -> [R] {
    var draws = Draws(n)
    let rows = 3
    let x: [R] = draws.values(rows * n, 3)
    let dn: [R] = draws.values(rows * n)
    var scale = [R](repeating: 0, count: rows)
    var normalized = x
    var dx: [R] = draws.values(rows * n)
    t.norm?(rows, n, x, n % 2 == 1, 1e-5, &scale, &normalized)
    t.norm_backward?(rows, n, normalized, scale, n % 2 == 1, dn, &dx)
    var again = x
    t.norm_with_scale?(rows, n, x, n % 2 == 0, scale, &again)
    return scale + normalized + dx + again
  }

  @Sendable static func affine(_ t: ck_kernels, _ n: Int) -> [R] {
    var draws = Draws(n)
    let rows = 4
    let x: [R] = draws.values(rows * n)
    let dy: [R] = draws.values(rows * n)
    let gain: [R] = draws.values(n)
    let bias: [R] = draws.values(n)
    var (y, z, dx) = (x, x, x)
    var dgain: [R] = draws.values(n)
    var dbias: [R] = draws.values(n)
    t.affine?(rows, n, x, gain, bias, &y)
    t.affine?(rows, n, x, gain, nil, &z)
    t.affine_backward?(rows, n, x, gain, dy, &dx, &dgain, &dbias, n / 3, n)
    var divided = x
    t.divide_rows?(rows, n, x, dy, 0.5, &divided)
    return y + z + dx + dgain + dbias + divided
  }

  @Sendable static func elementwise(_ t: ck_kernels, _ n: Int) -> [R] {
    var draws = Draws(n)
    let x: [R] = draws.values(n)
    let y: [R] = draws.values(n)
    var (a, b, c, d, e) = (x, x, x, x, x)
    t.add?(n, x, y, &a)
    t.multiply?(n, x, y, &b)
    t.multiply_add?(n, x, y, &c)
    t.scale?(n, 0.3, x, &d)
    t.add_scaled?(n, 0.3, y, &e)
    let dot = t.dot?(n, x, y) ?? .nan
    let exact = R(dot)
    return a + b + c + d + e + [exact, R((dot - Double(exact)) * 1e9)]
  }

  @Sendable static func activation(_ t: ck_kernels, _ n: Int) -> [R] {
    var draws = Draws(n)
    let x: [R] = draws.values(n, n % 5 == 0 ? 120 : 4)
    let dy: [R] = draws.values(n)
    var results: [R] = []
    for kind in activations {
      var (y, dx) = (x, x)
      t.activation?(n, kind, x, &y)
      t.activation_backward?(n, kind, x, dy, &dx)
      results += y + dx
    }
    return results
  }

  static var activations: [ck_activation] {
    [CK_IDENTITY, CK_RELU, CK_GELU, CK_GELU_TANH, CK_SILU, CK_ELU_PLUS_ONE, CK_LOGISTIC]
  }

  @Sendable static func function(_ t: ck_kernels, _ n: Int) -> [R] {
    var draws = Draws(n)
    let edges: [R] = [0, -0.0, .infinity, -.infinity, .nan, 88.7, -87.5, -103.9, 1e-40, -1e30]
    let x = edges + draws.values(n, n % 3 == 0 ? 120 : 2)
    var results: [R] = []
    for function in [CK_EXP, CK_TANH, CK_ERF, CK_SIGMOID] {
      var y = x
      t.function?(x.count, function, x, &y)
      results += y
    }
    return results
  }

  @Sendable static func rotary(_ t: ck_kernels, _ n: Int) -> [R] {
    var draws = Draws(n)
    let (tokens, heads, half) = (3, 2, 1 + n % 40)
    let width = 2 * half + n % 3
    let x: [R] = draws.values(tokens * heads * width)
    let cosines: [R] = draws.values(8 * half)
    let sines: [R] = draws.values(8 * half)
    var results: [R] = []
    for (interleaved, inverse) in [(false, false), (false, true), (true, false), (true, true)] {
      var out = x
      t.rotary?(
        tokens, heads, width, 2 * half, interleaved, inverse, [7, 0, 3], cosines, sines, x, &out)
      results += out
    }
    return results
  }

  @Sendable static func loss(_ t: ck_kernels, _ n: Int) -> [R] {
    var draws = Draws(n)
    let x: [R] = draws.values(2 * n, 5)
    var dx: [R] = draws.values(2 * n)
    let targets = [Int32(0), Int32(n - 1)]
    var p = [0.0, 0.0]
    t.log_probability?(2, n, x, n, targets, &p)
    t.log_probability_backward?(2, n, x, n, targets, [0.25, -1.5], &dx)
    var (best, higher, lead) = ([Int32(0), 0], [Int32(0), 0], [0.0, 0])
    t.standing?(2, n, x, n, targets, &best, &higher, &lead)
    return dx + p.flatMap { [R($0), R(($0 - Double(R($0))) * 1e9)] }
      + (best + higher).map { R($0) } + lead.map { R($0) }
  }

  @Sendable static func optimisers(_ t: ck_kernels, _ n: Int) -> [R] {
    var draws = Draws(n)
    let g: [R] = draws.values(n)
    var w: [R] = draws.values(n)
    var m: [R] = draws.values(n)
    var v: [R] = draws.values(n).map { $0 * $0 }
    t.adamw?(n, 0.01, 0.9, 0.99, 1e-8, 0.1, 0.3, 0.2, g, &m, &v, &w)
    t.sgd?(n, 0.01, 0.9, 0.1, g, &m, &w)
    t.sgd?(n, 0.01, 0, 0.1, g, nil, &w)
    return w + m + v
  }
}
