// Typed sites: each hook point has one layout, and a value fits sites of its own layout only.

import HookPoints
import Testing

@Suite struct SiteTests {
  static let layouts: [any ActivationLayout.Type] = [
    Residual.self, Normalized.self, NormScale.self, QueryHeads.self, KeyValueHeads.self,
    QueryHeadScales.self, KeyHeadScales.self, QueryFeatures.self, KeyFeatures.self,
    RecurrentState.self, Scores.self, Pattern.self,
    Normaliser.self, MomentumHeads.self, HeadOutputs.self, HeadResults.self, MLPActivations.self,
  ]

  @Test func everyPointHasExactlyOneLayout() {
    #expect(Self.layouts.flatMap { $0.points }.sorted() == BlockPoint.allCases)
    let outside: [HookName] = [.embed, .positionEmbed, .finalScale, .finalNormalized]
    #expect(Self.layouts.flatMap { $0.others }.sorted() == outside)
  }

  @Test func factoriesNameTheirPoint() {
    let names: [HookName] = [
      Site.residPre(3).name, Site.ln1Scale(3).name, Site.ln1Normalized(3).name, Site.q(3).name,
      Site.k(3).name, Site.v(3).name, Site.qNormScale(3).name,
      Site.qNormNormalized(3).name, Site.kNormScale(3).name, Site.kNormNormalized(3).name,
      Site.rotQ(3).name, Site.rotK(3).name, Site.phiQ(3).name,
      Site.phiK(3).name, Site.ssmStateInitial(3).name, Site.ssmWrite(3).name, Site.ssmState(3).name,
      Site.attnScores(3).name, Site.pattern(3).name, Site.normaliser(3).name, Site.momentum(3).name,
      Site.z(3).name, Site.result(3).name, Site.rawAttnOut(3).name,
      Site.ln1PostScale(3).name, Site.ln1PostNormalized(3).name, Site.attnOut(3).name,
      Site.residMid(3).name, Site.ln2Scale(3).name, Site.ln2Normalized(3).name, Site.mlpPre(3).name,
      Site.mlpPreLinear(3).name, Site.mlpPost(3).name,
      Site.ln2PostScale(3).name, Site.ln2PostNormalized(3).name, Site.mlpOut(3).name,
      Site.residPost(3).name,
    ]
    #expect(names == BlockPoint.allCases.map { .block(3, $0) })
    #expect(Site.embed.name == .embed && Site.positionEmbed.name == .positionEmbed)
    #expect(Site.finalScale.name == .finalScale && Site.finalNormalized.name == .finalNormalized)
  }

  @Test func textBecomesASiteOfItsLayoutOnly() throws {
    #expect(try Site<Residual>(.block(3, .residPost)) == .residPost(3))
    #expect(try Site<NormScale>(.finalScale) == .finalScale)
    #expect(
      hookError { try Site<Residual>(.block(3, .pattern)) }
        == .wrongLayout(name: .block(3, .pattern), layout: "Residual"))
    #expect(
      hookError { try Site<Residual>(.finalScale) }
        == .wrongLayout(name: .finalScale, layout: "Residual"))
  }

  // What must not compile (checked by CompileFailureTests): a residual vector at a pattern,
  //   Intervention.add(ActivationVector<Residual>([1]), to: Site<Pattern>.pattern(3), at: .last)
  // and a residual point of the pattern's layout,
  //   Site<Pattern>.residPost(3)
  @Test func phrasesReadAsTheyShould() {
    let theta = ActivationVector<Residual>([1, 2])
    #expect(
      Intervention.replace(.residPost(12), with: theta, at: .last)
        == Intervention(
          hook: .name(.block(12, .residPost)), positions: .last,
          action: .replace(HookValues([1, 2]))))
    #expect(
      Intervention.add(theta, scaled: 2, to: .residPre(1), at: .role(.arrow, -1), in: .index(4))
        == Intervention(
          hook: .name(.block(1, .residPre)), sequences: .index(4), positions: .role(.arrow, -1),
          action: .add(HookValues([1, 2]), scaled: 2)))
    #expect(
      Intervention.zero(.z(2), at: .all, heads: .indices([0, 3]))
        == Intervention(
          hook: .name(.block(2, .z)), positions: .all, heads: .indices([0, 3]), action: .zero))
    #expect(
      Intervention.mean(.z(2), of: RowSelector(sequences: .index(1), positions: .last), at: .last)
        == Intervention(
          hook: .name(.block(2, .z)), positions: .last,
          action: .mean(of: RowSelector(sequences: .index(1), positions: .last))))
    #expect(
      Intervention.scale(.pattern(2), by: 0.5, at: .last).description
        == "scale by 0.5 at blocks.2.attn.hook_pattern, position last")
    #expect(
      Read(.residPost(3), at: .last) == Read(hook: .name(.block(3, .residPost)), positions: .last))
  }

  @Test func vectorsAddAndAverage() {
    let left = ActivationVector<Residual>([1, 2])
    let right = ActivationVector<Residual>([3, 5])
    #expect(left + right == ActivationVector([4, 7]))
    #expect(right - left == ActivationVector([2, 3]))
    #expect(2 * left == ActivationVector([2, 4]))
    #expect(ActivationVector(meanOf: [left, right]) == ActivationVector([2, 3.5]))
    #expect(ActivationVector<Residual>([3, 4]).norm == 5)
    // Summed in f64: in f32 the ones would vanish beside 2^25.
    let large: [Float] = [33_554_432, 1, 1, -33_554_432]
    #expect(
      ActivationVector(meanOf: large.map { ActivationVector<Residual>([$0]) })
        == ActivationVector([0.5]))
  }

  @Test func closuresAreEqualByLabel() {
    let one = Intervention.custom(.z(0), label: "clip", at: .last) { row in
      row = row.map { min($0, 1) }
    }
    let other = Intervention.custom(.z(0), label: "clip", at: .last) { _ in }
    let third = Intervention.custom(.z(0), label: "sign", at: .last) { _ in }
    #expect(one == other && one != third)
    #expect(hookError { try encode(one) } == .customNotEncodable(label: "clip"))
  }
}
