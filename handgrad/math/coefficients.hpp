// The coefficients of the elementary functions, written by tools/polynomials.py: change that, not this.
#pragma once

#include <array>

namespace handgrad::math {

template <class Scalar>
struct Coefficients;

template <>
struct Coefficients<float> {
    /// log 2 in two parts: any exponent times the high one is exact.
    static constexpr float log2_high = 0.693145751953125F;
    /// The rest of log 2.
    static constexpr float log2_low = 0.000001428606820309417232121458F;
    /// erf by its polynomial below, as 1 - erfc above.
    static constexpr float erf_split = 0.9F;
    /// a of erfc, below.
    static constexpr float erfc_center = 2.0F;
    /// Polynomial h of e^r = 1 + r + r^2 h(r); relative error below 2^-31.95.
    static constexpr std::array<float, 6> exp{0.50000000444F,    0.166666663689F,   0.0416663598187F,
                                              0.00833338957064F, 0.00139407201034F, 0.00019845885716F};
    /// Polynomial w of log((1 + s)/(1 - s)) = 2 s + s v w(v), v = s^2; relative error below 2^-37.59.
    static constexpr std::array<float, 4> log{0.666666656371F, 0.400003372502F, 0.285371679989F, 0.235849872851F};
    /// Polynomial p of erf x = x + x p(x^2); relative error below 2^-31.66.
    static constexpr std::array<float, 7> erf{0.128379166762F,   -0.376126349573F,  0.112837146694F,
                                              -0.0268604872916F, 0.00520380391344F, -0.000817497985426F,
                                              8.51017137259e-5F};
    /// The first term of polynomial g of erfc, in two parts.
    static constexpr float erfc_first_high = 1.02158272266387939453125F;
    /// The rest of it.
    static constexpr float erfc_first_low = -1.39831581407e-8F;
    /// Polynomial g, without its first term, of erfc x = e^(-x^2) t g(q), t = 1/(x + a), q = (x - a) t; relative error
    /// below 2^-28.11.
    static constexpr std::array<float, 10> erfc{
        -0.68716069706F,   0.279471770819F,     -0.03644178376F,     -0.0215057223156F, 0.00647587892076F,
        0.00306260577154F, -0.000832062621804F, -0.000592561776596F, 4.69389669587e-5F, 6.94801562417e-5F};
};

template <>
struct Coefficients<double> {
    /// log 2 in two parts: any exponent times the high one is exact.
    static constexpr double log2_high = 0.6931471805601177038624883;
    /// The rest of log 2.
    static constexpr double log2_low = -1.72394445256148347731635e-13;
    /// erf by its polynomial below, as 1 - erfc above.
    static constexpr double erf_split = 0.9;
    /// a of erfc, below.
    static constexpr double erfc_center = 4.0;
    /// Polynomial h of e^r = 1 + r + r^2 h(r); relative error below 2^-61.72.
    static constexpr std::array<double, 11> exp{
        0.50000000000000000086,   0.16666666666666676597,    0.041666666666666507376,    0.0083333333333216073514,
        0.0013888888888962893033, 0.00019841269886208064482, 0.000024801587171855107822, 2.755724410408825423e-6,
        2.7557402931508868973e-7, 2.5109081431783478472e-8,  2.087533097322484294e-9};
    /// Polynomial w of log((1 + s)/(1 - s)) = 2 s + s v w(v), v = s^2; relative error below 2^-66.71.
    static constexpr std::array<double, 8> log{0.66666666666666660886, 0.40000000000006331988, 0.28571428569058513805,
                                               0.22222222650937679637, 0.18181775332695594108, 0.15387105372920248047,
                                               0.13249787164496449635, 0.1325435145153089829};
    /// Polynomial p of erf x = x + x p(x^2); relative error below 2^-66.59.
    static constexpr std::array<double, 13> erf{
        0.12837916709551257389,   -0.37612638903183752045,    0.11283791670955097191,    -0.026866170645123577706,
        0.0052239776253347835741, -0.00085483270144876427597, 0.00012055332500720619743, -0.000014925633018833031614,
        1.6461685377176019777e-6, -1.6358527841402465995e-7,  1.4722346143723197867e-8,  -1.1647047107693825745e-9,
        6.4838054304569780301e-11};
    /// The first term of polynomial g of erfc, in two parts.
    static constexpr double erfc_first_high = 1.095995661000491061543016;
    /// The rest of it.
    static constexpr double erfc_first_low = 5.72399407072e-17;
    /// Polynomial g, without its first term, of erfc x = e^(-x^2) t g(q), t = 1/(x + a), q = (x - a) t; relative error
    /// below 2^-60.92.
    static constexpr std::array<double, 23> erfc{
        -0.97654872908088199722,    0.77320870226523728329,     -0.54085383131323504345,   0.33085158787799590556,
        -0.17401093723992784838,    0.076381514909815871805,    -0.026370053340530636403,  0.0061120556479207653393,
        -0.0002809588632313794383,  -0.00045505261666746388209, 0.00017681280765037330043, -3.6355295501715957048e-6,
        -0.00001886087328119852488, 4.6956415226975676816e-6,   1.4242814389083021534e-6,  -8.4893860440346647558e-7,
        -7.5977254716322513594e-8,  1.2802116336849224928e-7,   1.7991761696726905981e-9,  -1.8602997441467991457e-8,
        -8.3500094050566538744e-10, 2.1055898623438882882e-9,   4.1699569991942666958e-10};
};

}  // namespace handgrad::math
