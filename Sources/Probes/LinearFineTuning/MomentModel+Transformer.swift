// The theory's model as the house's Transformer, so that every hook works on it.

import HookedModels
import TensorCore

extension MomentModel {
  /// The same as a stack of one layer; the prediction is the last coordinate of the query's token.
  package var stack: LinearStack {
    LinearStack(
      shape: StackShape(width: width, layers: 1, reach: .causal),
      layers: [
        .init(
          queryKey: queryKey,
          value: Array(repeating: 0, count: width * (width - 1)) + value)
      ])
  }

  /// One layer of averaged linear attention without norm, MLP and positions, causal: at the query, the last token, that
  /// is no restriction, and the recurrent state is there to be read.
  package func transformer<Scalar: TensorScalar>(
    as scalar: Scalar.Type = Scalar.self, on context: ComputeContext
  ) -> Transformer<Scalar> {
    stack.transformer(as: scalar, on: context)
  }
}
