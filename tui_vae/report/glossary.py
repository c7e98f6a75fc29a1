"""The terms of a report, each in a sentence or two with its paper."""

from __future__ import annotations

from tui_vae.report.document import Term

_ARXIV = "https://arxiv.org/abs/"


def _paper(name: str, meaning: str, source: str, number: str) -> Term:
    return Term(name, meaning, source, _ARXIV + number)


TERMS: tuple[Term, ...] = (
    _paper(
        "Variational autoencoder (VAE)",
        "Two networks trained together. The encoder maps an image x to a Gaussian q(z|x) over latents z; the decoder "
        "maps z to a Gaussian p(x|z) over images. New images come from decoding z drawn from the prior N(0, I).",
        "Kingma & Welling 2014; tutorial: Doersch 2016",
        "1606.05908",
    ),
    Term(
        "Nat",
        "The unit of natural logarithms. A model that gives an image one nat more gives it e ≈ 2.7 times the density.",
    ),
    Term(
        "ELBO, reconstruction, KL",
        "The evidence lower bound on log p(x) that training maximises: reconstruction − KL. The reconstruction E_q "
        "log p(x|z) says how well an image is recovered from its latents, the KL divergence KL(q(z|x) ‖ p(z)) how "
        "many nats the latents carry about it.",
    ),
    _paper(
        "Posterior collapse",
        "A latent is collapsed when q(z_i|x) is the prior for every image: its KL is 0, and the decoder ignores it. "
        "Active units are latents whose mean varies over the data by more than 0.01.",
        "Burda et al. 2016",
        "1509.00519",
    ),
    _paper(
        "Exact optimum",
        "With one linear layer each, the best that encoder and decoder can reach is probabilistic PCA. It is computed "
        "exactly from the training images: its log-likelihood, and the KL of each latent (the spectrum).",
        "Tipping & Bishop 1999; Lucas et al. 2019",
        "1911.02469",
    ),
    _paper(
        "Exact log p(x), decoder loss, encoder gap",
        "For any linear decoder log p(x) is known exactly. The decoder loss is what it lacks to the optimum, the "
        "encoder gap is how far the ELBO lies below it.",
        "Lucas et al. 2019",
        "1911.02469",
    ),
    _paper(
        "IWAE",
        "A lower bound on log p(x) from K samples of z for each image, tighter than the ELBO.",
        "Burda et al. 2016",
        "1509.00519",
    ),
    _paper(
        "AIS",
        "Annealed importance sampling: an estimate of log p(x) by chains from the prior to the posterior. The gap "
        "between bounds from both sides, on images that the model made, says how far it can be trusted.",
        "Wu et al. 2017",
        "1611.04273",
    ),
    _paper(
        "Fréchet distance",
        "Distance between two Gaussians fitted to the features that a digit classifier gives samples and test images.",
        "Heusel et al. 2017",
        "1706.08500",
    ),
    _paper(
        "KID",
        "Squared kernel distance (MMD²) between the features of samples and test images, without bias; shown × 1000.",
        "Bińkowski et al. 2018",
        "1801.01401",
    ),
    _paper(
        "Precision, recall",
        "Precision is the share of samples that lie among the data (quality), recall the share of data that lie "
        "among the samples (variety), as the median of several sets of samples.",
        "Kynkäänniemi et al. 2019",
        "1904.06991",
    ),
    _paper(
        "Density, coverage",
        "Density counts in how many neighbourhoods of data a sample lies; coverage is the share of data with a "
        "sample near.",
        "Naeem et al. 2020",
        "2002.09797",
    ),
    _paper(
        "1-NN two-sample test",
        "How often the nearest neighbour of an image is of its own kind, sample or data: 50 % means that they cannot "
        "be told apart.",
        "Lopez-Paz & Oquab 2017",
        "1610.06545",
    ),
    _paper(
        "Classifier score, class entropy",
        "The inception score with the digit classifier: high if each sample is clearly one digit and all digits are "
        "drawn. The entropy is that of the digits drawn; missing digits lower it.",
        "Salimans et al. 2016",
        "1606.03498",
    ),
    Term(
        "Nearest train",
        "Distance of a sample to the nearest training image. Far below the floor, a model would repeat what it has "
        "seen.",
    ),
    _paper(
        "Encode–decode chain",
        "From z decode x, from x encode z, and again. Sampled at both steps it converges to the model's own "
        "distribution of images, if the encoder is the exact posterior. By means no noise is added, and it converges "
        "to a few images.",
        "Rezende et al. 2014",
        "1401.4082",
    ),
    Term(
        "Interval, floor, significant",
        "± is the wider side of the 95 % confidence interval: over seeds where there are several (Student's t), else "
        "over the images of the one. The floor is the metric of other images of the data in place of samples, as a "
        "model that draws from their distribution would reach it. A difference is significant if its interval excludes "
        "0.",
    ),
)
